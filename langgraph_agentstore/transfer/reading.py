"""Stores as pages of records: this package's whole and in constant memory, others as they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Protocol

from langgraph.store.base import BaseStore, SearchItem, SearchOp

from ..beyond import ExtendedSurface
from ..errors import InvalidOperationError
from ..namespaces import Labels, check_labels
from ..plan.records import StoredRecord
from ..plan.stored_pages import plan_page_of_stored, triple_of
from ..users import DEFAULT_TEMPLATE, Region, Scope, TemplateScope, check_user_id
from .addresses import TUPLES, template_of
from .manifest import Addresses
from .steps import Steps, ask_engine, ask_store

PAGE_SIZE = 500
"""Records of one statement: with values of a megabyte each, so many megabytes."""

FOREIGN_PAGE_SIZE = 5000
"""Larger, since other stores find a page by passing over all before it."""


class Reader(Protocol):
    """A store, read page by page; `addresses` and `template` are for the manifest."""

    addresses: Addresses
    template: tuple[str, ...] | None

    def next_page(self) -> Steps[Sequence[StoredRecord]]:
        """The records that follow; none at the end."""


def reader_of(
    store: BaseStore, user_id: str | None, prefix: Labels | None, *, as_tuples: bool = False
) -> Reader:
    """What reads a user, a namespace, both or all of a store.

    `as_tuples`: write down the tuples that the store shows, whatever its template.

    Raises:
        InvalidNamespaceError, MissingUserError: there can be no such namespace or user.
        InvalidOperationError: a user of one user's view.
    """
    labels = check_labels(() if prefix is None else prefix)
    if user_id is not None:
        user_id = check_user_id(user_id)
    if isinstance(store, ExtendedSurface):
        return AgentReader(store, user_id, labels, as_tuples)
    if user_id is not None:
        labels = (*DEFAULT_TEMPLATE[:-1], user_id, *labels)
    return ItemReader(store, labels)


class AgentReader:
    """A store of this package: records as they are stored, in the order of the primary key."""

    def __init__(
        self, store: ExtendedSurface, user_id: str | None, prefix: Labels, as_tuples: bool
    ) -> None:
        self._engine = store._engine
        # One user's, whoever asks for the later pages.
        planner = store._planner
        self._scope, self._rules = planner.scope, planner.rules
        self._regions = _regions(self._scope, user_id, prefix)
        whole = isinstance(self._scope, TemplateScope) and not as_tuples
        self.addresses: Addresses = "users" if whole else "tuples"
        self.template = template_of(self._scope) if whole else DEFAULT_TEMPLATE
        self._last: StoredRecord | None = None
        self._ended = False

    def next_page(self) -> Steps[Sequence[StoredRecord]]:
        """The records that follow; reads of this process are counted in the first."""
        if self._ended:
            return []
        if self._last is None:
            yield ask_engine(self._engine, [self._engine.access.flush_job])
        after = None if self._last is None else triple_of(self._last)
        page_of = plan_page_of_stored(self._regions, after, PAGE_SIZE, self._rules)
        [page] = yield ask_engine(self._engine, [page_of])
        self._ended = len(page) < PAGE_SIZE
        if page:
            self._last = page[-1]
        return page if self.addresses == "users" else [self._as_tuple(record) for record in page]

    def _as_tuple(self, record: StoredRecord) -> StoredRecord:
        written = TUPLES.address(self._scope.labels(record.user_id, record.labels))
        return replace(record, user_id=written.user_id, labels=written.labels)


def _regions(scope: Scope, user_id: str | None, prefix: Labels) -> tuple[Region, ...]:
    if user_id is None:
        return scope.regions(prefix)
    if not isinstance(scope, TemplateScope):
        raise InvalidOperationError(
            f"user_id={user_id!r} of a view, which shows one user alone: leave it out, or take the "
            "store that the view is of"
        )
    return (Region(user_id, prefix),)


class ItemReader:
    """Any LangGraph store: items as a search shows them.

    Searches that order items by time may show one twice on two pages and another on none, where
    times are equal or somebody writes. So it remembers what it saw, by digests; once an item comes
    again, one search for everything gives what is missing.
    """

    addresses: Addresses = "tuples"
    template: tuple[str, ...] | None = DEFAULT_TEMPLATE

    def __init__(self, store: BaseStore, prefix: Labels) -> None:
        self._store = store
        self._prefix = prefix
        self._seen: set[bytes] = set()
        self._read = 0
        self._ended = False

    def next_page(self) -> Steps[Sequence[StoredRecord]]:
        """The items that follow, in the store's order."""
        while not self._ended:
            found = yield from self._search(FOREIGN_PAGE_SIZE, self._read)
            self._read += len(found)
            new = self._unseen(found)
            again = len(new) < len(found)
            self._ended = again or len(found) < FOREIGN_PAGE_SIZE
            if again:
                new += self._unseen((yield from self._search(2**31 - 1, 0)))
            within = [item for item in new if item.namespace[: len(self._prefix)] == self._prefix]
            if within:
                return [_record(item) for item in within]
        return []

    def _search(self, limit: int, offset: int) -> Steps[list[SearchItem]]:
        op = SearchOp(self._prefix, None, limit, offset, None, False)
        [found] = yield ask_store(self._store, [op])
        items: list[SearchItem] = found
        return items

    def _unseen(self, items: Sequence[SearchItem]) -> list[SearchItem]:
        new = []
        for item in items:
            address = repr((tuple(item.namespace), item.key)).encode("utf-8", "surrogatepass")
            mark = blake2b(address, digest_size=16).digest()
            if mark not in self._seen:
                self._seen.add(mark)
                new.append(item)
        return new


def _record(item: SearchItem) -> StoredRecord:
    written = TUPLES.address(tuple(item.namespace))
    return StoredRecord(
        written.user_id,
        written.labels,
        item.key,
        item.value,
        metadata={},
        version=1,
        created_by=None,
        created_at=item.created_at,
        updated_at=item.updated_at,
        expires_at=None,
        ttl=None,
        access_count=0,
        last_accessed_at=None,
        last_accessed_by=None,
    )

"""Readers of stores, page by page: whole records of this package's stores, items of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from hashlib import blake2b
from typing import Protocol

from langgraph.store.base import BaseStore, SearchItem, SearchOp

from ..errors import InvalidOperationError, InvalidValueError, ValueTypeError
from ..model.json_values import check_text, encode_value, shown
from ..model.namespaces import Labels, check_labels
from ..model.users import DEFAULT_TEMPLATE, USER_SLOT, Region, Scope, TemplateScope, check_user_id
from ..sql.items.records import StoredRecord, item_id_of, plan_page_of_stored
from ..sql.planner import Planner
from ..store.base import StoreBase
from ..store.step_driver import On, Steps, StoreOps
from ..store.user_scope import USERS, encode_label, labels_naming
from ..store.user_views import PerUserStore, UserStore, view_of
from .manifest import Addresses
from .readdress import TUPLES

READ_PAGE_SIZE = 500
"""Records per statement. With values of 1 MB each, a page takes 500 MB."""

FOREIGN_PAGE_SIZE = 5000
"""Items per page of other stores. Larger, since they skip all earlier items for each page."""


class Reader(Protocol):
    """A reader of a store by pages; `addresses` and `template` are for the manifest."""

    addresses: Addresses
    template: tuple[str, ...] | None

    def next_page(self) -> Steps[Sequence[StoredRecord]]:
        """Return the next records; none at the end."""


def reader_of(
    store: BaseStore, user_id: str | None, prefix: Labels | None, *, as_tuples: bool = False
) -> Reader:
    """Return a reader of a whole store, or of one user, one namespace or both.

    `as_tuples`: read the namespaces that the store shows, whatever its template.

    Raises:
        InvalidNamespaceError, MissingUserError: the namespace or user id is invalid.
        InvalidOperationError: the store is the view of another user.
    """
    labels = check_labels(() if prefix is None else prefix)
    if user_id is not None:
        user_id = check_user_id(user_id)
    if isinstance(store, StoreBase):
        return AgentReader(store, user_id, labels, as_tuples)
    return ItemReader(store, labels) if user_id is None else UserReader(store, user_id, labels)


class AgentReader:
    """A reader of stored records of this package's stores, in the order of the primary key."""

    def __init__(
        self, store: StoreBase, user_id: str | None, prefix: Labels, as_tuples: bool
    ) -> None:
        # Of the calling user, also for later pages.
        self._executor = store.executor.bound()
        planner = _planner_for(store, user_id)
        self._scope, self._rules = planner.scope, planner.context
        whole = user_id is not None
        self._regions = (Region(user_id, prefix),) if whole else self._scope.regions(prefix)
        whole = whole or (isinstance(self._scope, TemplateScope) and not as_tuples)
        self.addresses: Addresses = "users" if whole else "tuples"
        self.template = _template_of(self._scope) if whole else DEFAULT_TEMPLATE
        self._last: StoredRecord | None = None
        self._ended = False

    def next_page(self) -> Steps[Sequence[StoredRecord]]:
        """Return the next records; the first page includes counts of this process's reads."""
        if self._ended:
            return []
        if self._last is None:
            yield On(self._executor, [self._executor.access.flush_job])
        after = None if self._last is None else item_id_of(self._last)
        page_of = plan_page_of_stored(self._regions, after, READ_PAGE_SIZE, self._rules)
        [page] = yield On(self._executor, [page_of])
        self._ended = len(page) < READ_PAGE_SIZE
        if page:
            self._last = page[-1]
        return page if self.addresses == "users" else [self._as_tuple(record) for record in page]

    def _as_tuple(self, record: StoredRecord) -> StoredRecord:
        # The namespace as in a store that knows no users.
        label = encode_label(record.user_id)
        written = TUPLES.address(self._scope.labels(label, record.labels))
        return replace(record, user_id=written.user_id, labels=written.labels)


def _planner_for(store: StoreBase, user_id: str | None) -> Planner:
    if isinstance(store, UserStore) and user_id not in (None, store.user_id):
        raise InvalidOperationError(
            f"user_id={shown(user_id)} of the view of {shown(store.user_id)}, which shows that "
            "user alone: leave it out, or take the store that the view is of"
        )
    if isinstance(store, PerUserStore) and user_id is not None:
        return view_of(store, user_id).planner
    return store.planner


def _template_of(scope: Scope) -> tuple[str, ...] | None:
    """Return the user template of a plain store's scope, or None."""
    if isinstance(scope, TemplateScope) and scope.constants is not None:
        return (*scope.constants, USER_SLOT)
    return None


class ItemReader:
    """A reader of any LangGraph store: the items that `search` shows.

    A search ordered by time may show one item on two pages and another on none, if times are equal
    or somebody writes. So the reader keeps digests of the items it saw. Once an item repeats, one
    search for everything finds the missing ones.
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
        """Return the next items, in the store's order."""
        while not self._ended:
            found = yield from self._search(FOREIGN_PAGE_SIZE, self._read)
            self._read += len(found)
            new = self._unseen(found)
            again = len(new) < len(found)
            self._ended = again or not found  # a store may return fewer items than asked for
            if again:
                new += self._unseen((yield from self._search(2**31 - 1, 0)))
            within = [item for item in new if item.namespace[: len(self._prefix)] == self._prefix]
            if within:
                return [_record(item) for item in within]
        return []

    def _search(self, limit: int, offset: int) -> Steps[list[SearchItem]]:
        op = SearchOp(self._prefix, None, limit, offset, None, False)
        [found] = yield StoreOps(self._store, [op])
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


class UserReader:
    """A reader of one user's part of any LangGraph store: items by user and labels below."""

    addresses: Addresses = "users"
    template: tuple[str, ...] | None = None

    def __init__(self, store: BaseStore, user_id: str, prefix: Labels) -> None:
        self._user_id = user_id
        heads = [(*USERS, label) for label in labels_naming(user_id)]
        self._readers = [ItemReader(store, (*head, *prefix)) for head in heads]

    def next_page(self) -> Steps[Sequence[StoredRecord]]:
        """Return the next items."""
        while self._readers:
            page = yield from self._readers[0].next_page()
            if page:
                return [replace(record, user_id=self._user_id) for record in page]
            self._readers.pop(0)
        return []


def _aware(moment: datetime) -> datetime:
    """Add UTC to a time without a zone, as LangGraph's SqliteStore returns it."""
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _check_readable(item: SearchItem) -> None:
    """Raise for values that a file would lose, such as NaN, or that would break the file."""
    try:
        for text in (*item.namespace, str(item.key)):
            check_text(text, "its address")
        encode_value(item.value)
    except ValueTypeError:  # a time or a set is written in its JSON form
        return
    except InvalidValueError as error:
        raise InvalidValueError(
            f"the item {shown(item.key)} in {shown(tuple(item.namespace))} cannot be moved: {error}"
        ) from None


def _record(item: SearchItem) -> StoredRecord:
    _check_readable(item)
    written = TUPLES.address(tuple(item.namespace))
    return StoredRecord(
        written.user_id,
        written.labels,
        item.key,
        item.value,
        metadata={},
        version=1,
        created_by=None,
        created_at=_aware(item.created_at),
        updated_at=_aware(item.updated_at),
        expires_at=None,
        ttl=None,
        access_count=0,
        last_accessed_at=None,
        last_accessed_by=None,
    )

"""`DataStoreAdministration`: the records of all users, viewed and maintained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from .._support.lifecycle import Handle
from ..errors import ConfigurationError, InvalidNamespaceError, InvalidValueError
from ..model.addresses import checked_key, locate
from ..model.checks import check_whole
from ..model.json_values import check_text, shown
from ..model.namespaces import Labels, labels_named
from ..model.users import SHARED, Address, check_user_id
from ..sql.items.records import StoredRecord, item_id_of
from ..sql.items.user_counts import UserCount, plan_user_counts
from ..sql.statement import ItemId, SqlContext, Statement
from ..store.agent_store import AgentStore
from ..store.executor import ResultT
from ..store.items import check_size
from .explain import QueryPlan, query_plans
from .models import DataStoreRecord, record_of
from .options import checked_limit
from .sql.administration import (
    AccessedRecord,
    AgentCount,
    LargeRecord,
    NamespaceCount,
    NamespaceSize,
    Within,
    plan_accessed,
    plan_agent_counts,
    plan_delete_within,
    plan_larger_than,
    plan_namespace_counts,
    plan_namespace_sizes,
    plan_page_of_records,
)

Namespace: TypeAlias = "str | Labels"
"""A string such as `files:my-repo`, or labels, which also reach what no string names."""

WALK_PAGE_SIZE = 200
"""Records read at a time: with values of a megabyte each, so many megabytes."""


class DataStoreAdministration(Handle):
    """Lists, counts, measures and deletes the records of all users.

    All methods block. Each method is one statement.

    `transfer` exports and imports records.

    For `user_id`, None means all users and the shared space, and "" means the shared space, which
    belongs to no user. For `namespace`, None means all, a string or a tuple of labels means exactly
    one, and `below=True` adds those below it. Expired records count as gone. `limit=None` sets no
    limit.

    Counts and sizes read everything they count. On a large store, set a longer
    `command_timeout_s`.

    Args:
        store: an `AgentStore`, not a view of one.

    Raises:
        ConfigurationError: `store` is something else.
    """

    def __init__(self, store: AgentStore) -> None:
        if not isinstance(store, AgentStore):
            raise ConfigurationError(
                f"administration sees all users, so it needs the AgentStore itself, got "
                f"{type(store).__name__}; pass the store that the view was made of"
            )
        self._store = store
        self._executor = store.executor

    def users(self, *, after: str | None = None, limit: int | None = None) -> list[UserCount]:
        """Return the usage of each user, by code point; `after` continues behind a user."""
        if after is not None:
            check_text(after, "after")
        return self._do(plan_user_counts(after, checked_limit(limit), self._context))

    def namespaces(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = None,
    ) -> list[NamespaceCount]:
        """Count the records of each namespace of each user, by user and labels."""
        within = _within_of(user_id, namespace, below)
        return self._do(plan_namespace_counts(within, checked_limit(limit), self._context))

    def sizes(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = None,
    ) -> list[NamespaceSize]:
        """Return the bytes of each namespace of each user, largest first."""
        within = _within_of(user_id, namespace, below)
        return self._do(plan_namespace_sizes(within, checked_limit(limit), self._context))

    def records(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        page_size: int = WALK_PAGE_SIZE,
    ) -> Iterator[DataStoreRecord]:
        """Iterate over whole records by user, namespace and key, in constant memory.

        Each page of `page_size` records is one statement, sent on demand. A record that exists
        throughout is returned once. A record written behind the current position is not returned.
        """
        return map(record_of, self._stored(_within_of(user_id, namespace, below), page_size))

    def record(self, user_id: str, namespace: Namespace, key: str) -> DataStoreRecord | None:
        """Return one whole record, or None. Counts no read."""
        labels = labels_of(namespace)
        at = locate(Address(user_or_shared(user_id), labels), labels)
        stored = self._executor.run(self._executor.access.record_job(at, checked_key(key, at)))
        return None if stored is None else record_of(stored)

    def agents(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
    ) -> list[AgentCount]:
        """Count the existing records that each agent created, most first."""
        return self._do(plan_agent_counts(_within_of(user_id, namespace, below), self._context))

    def most_accessed(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = 10,
    ) -> list[AccessedRecord]:
        """Return the records read most often, including all reads of this process."""
        return self._accessed(_within_of(user_id, namespace, below), limit, recent=False)

    def recently_accessed(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = 10,
    ) -> list[AccessedRecord]:
        """Return the records last read or written by an agent, latest first, with that agent."""
        return self._accessed(_within_of(user_id, namespace, below), limit, recent=True)

    def larger_than(
        self,
        size_bytes: int,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = None,
    ) -> list[LargeRecord]:
        """Return the records with a larger value as JSON text, largest first, without the value."""
        check_whole("size_bytes", size_bytes, 0)
        within = _within_of(user_id, namespace, below)
        return self._do(plan_larger_than(size_bytes, within, checked_limit(limit), self._context))

    def explain(self) -> list[QueryPlan]:
        """Return the query plans of `get`, `list_keys`, `get_all` and `search`.

        These are the generic plans that prepared statements end up with, made in a session of the
        store's own pool. No record is read.
        """
        return query_plans(self._store)

    def delete_user(self, user_id: str) -> int:
        """Remove all records of a user, in one statement; return how many.

        Raises:
            MissingUserError: the user is None or empty.
        """
        return self._store.delete_user(user_id)

    def delete_namespace(self, user_id: str, namespace: Namespace, *, below: bool = False) -> int:
        """Remove the records of exactly this namespace of one user; return how many.

        `below=True` also removes the namespaces below it.

        Raises:
            MissingUserError: the user is None or empty, which would mean all users.
        """
        within = Within(check_user_id(user_id), labels_of(namespace), below)
        return self._do(plan_delete_within(within, self._context))

    def delete_namespace_of_all_users(self, namespace: Namespace, *, below: bool = False) -> int:
        """Delete exactly this namespace of every user, not of the shared space; return the number.

        Raises:
            InvalidNamespaceError: the root with all namespaces below it, which is everything.
        """
        labels = labels_of(namespace)
        if below and not labels:
            raise InvalidNamespaceError(
                "all below the root of all users would be everything; name a namespace, or use "
                "delete_user for each"
            )
        return self._do(plan_delete_within(Within(None, labels, below), self._context))

    @property
    def _context(self) -> SqlContext:
        return self._store.planner.context

    def _accessed(self, within: Within, limit: int | None, *, recent: bool) -> list[AccessedRecord]:
        statement = plan_accessed(within, checked_limit(limit), self._context, recent=recent)
        self._flush()
        return self._do(statement)

    def _stored(self, within: Within, page_size: int) -> Iterator[StoredRecord]:
        check_size("page_size", page_size)
        self._flush()

        def walk(after: ItemId | None) -> Iterator[StoredRecord]:
            while True:
                page = self._do(plan_page_of_records(within, after, page_size, self._context))
                yield from page
                if len(page) < page_size:
                    return
                after = item_id_of(page[-1])

        return walk(None)

    def _flush(self) -> None:
        self._executor.run(self._executor.access.flush_job)

    def _do(self, statement: Statement[ResultT]) -> ResultT:
        return self._executor.run(statement)


def _within_of(user_id: str | None, namespace: Namespace | None, below: bool) -> Within:
    """Check the arguments. None as user means all users, None as namespace means all."""
    user = None if user_id is None else user_or_shared(user_id)
    if namespace is None:
        return Within(user)
    return Within(user, labels_of(namespace), below)


def user_or_shared(user_id: object) -> str:
    """Check a user id; "" is the shared space."""
    return SHARED if user_id == SHARED else check_user_id(user_id)


def labels_of(namespace: Any) -> Labels:
    """Return the labels of a namespace, given as a string or as a tuple."""
    if not isinstance(namespace, tuple):
        return labels_named(namespace)
    for label in namespace:
        if not isinstance(label, str):
            raise InvalidNamespaceError(
                f"labels are strings, got {shown(label)} in {shown(namespace)}"
            )
        try:
            check_text(label, f"a label of {shown(namespace)}")
        except InvalidValueError as error:
            raise InvalidNamespaceError(str(error)) from None
    if namespace == ("",):
        raise InvalidNamespaceError("('',) is not told from (), which names the root; write ()")
    return tuple(str.__str__(label) for label in namespace)

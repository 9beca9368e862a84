"""`DataStoreAdministration`: looking after the records of all users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from .._support.lifecycle import Handle
from ..errors import ConfigurationError, InvalidNamespaceError, InvalidOperationError
from ..model.addresses import checked_key, locate
from ..model.json_values import check_text
from ..model.users import Address, check_user_id
from ..sql.items.records import StoredRecord
from ..sql.items.stored_pages import item_id_of
from ..sql.statement import ItemId, SqlContext, Statement
from ..store.agent_store import AgentStore
from ..store.bulk_load import check_size
from .explain import QueryPlan, query_plans
from .models import DataStoreRecord, record_of
from .options import checked_limit
from .scoping import Namespace, labels_of, user_of, within_of
from .sql.administration import (
    AccessedRecord,
    AgentCount,
    LargeRecord,
    NamespaceCount,
    NamespaceSize,
    UserCount,
    Within,
    plan_accessed,
    plan_agent_counts,
    plan_delete_within,
    plan_larger_than,
    plan_namespace_counts,
    plan_namespace_sizes,
    plan_page_of_records,
    plan_user_counts,
)

ResultT = TypeVar("ResultT")

PAGE_SIZE = 200
"""Records read at a time: with values of a megabyte each, so many megabytes."""


class DataStoreAdministration(Handle):
    """Every user's records, seen and kept in order; blocking, one statement to a method.

    `transfer` exports and imports them.

    Where a method takes `user_id`, None stands for everybody and the shared space together, and
    "" for the shared space, which belongs to nobody. Where it takes `namespace`, None stands for
    all, a string or a tuple of labels for exactly one, and `below=True` adds those below it.
    Expired records count as gone. `limit=None` is no limit.

    Counts and sizes read all that they count: on a large store give it a longer
    `command_timeout_s`.

    Args:
        store: an `AgentStore`, whole, no view of one.

    Raises:
        ConfigurationError: it is something else.
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
        """How much each user has, by code point; `after` goes on behind a user."""
        if after is not None:
            check_text(after, "after")
        return self._do(plan_user_counts(after, checked_limit(limit), self._rules))

    def namespaces(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = None,
    ) -> list[NamespaceCount]:
        """How many records each namespace of each user has, by user and labels."""
        within = within_of(user_id, namespace, below)
        return self._do(plan_namespace_counts(within, checked_limit(limit), self._rules))

    def sizes(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = None,
    ) -> list[NamespaceSize]:
        """How many bytes each namespace of each user has, the largest first."""
        within = within_of(user_id, namespace, below)
        return self._do(plan_namespace_sizes(within, checked_limit(limit), self._rules))

    def records(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[DataStoreRecord]:
        """Every record, whole, in constant memory, by user, namespace and key.

        Pages of `page_size` are read as they are needed, by a statement each: a record written
        behind the point reached is not seen, one that is there throughout is seen once.
        """
        return map(record_of, self._stored(within_of(user_id, namespace, below), page_size))

    def record(self, user_id: str, namespace: Namespace, key: str) -> DataStoreRecord | None:
        """One record, whole, or None; counts nothing."""
        labels = labels_of(namespace)
        at = locate(Address(user_of(user_id), labels), labels)
        stored = self._executor.run(self._executor.access.record_job(at, checked_key(key, at)))
        return None if stored is None else record_of(stored)

    def agents(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
    ) -> list[AgentCount]:
        """How many records each agent created that are still there, the most first."""
        return self._do(plan_agent_counts(within_of(user_id, namespace, below), self._rules))

    def most_accessed(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = 10,
    ) -> list[AccessedRecord]:
        """The records that were read most often; reads of this process are all counted."""
        return self._accessed(within_of(user_id, namespace, below), limit, recent=False)

    def recently_accessed(
        self,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = 10,
    ) -> list[AccessedRecord]:
        """The records that an agent read or wrote last, and which agent, the latest first."""
        return self._accessed(within_of(user_id, namespace, below), limit, recent=True)

    def larger_than(
        self,
        size_bytes: int,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        *,
        below: bool = False,
        limit: int | None = None,
    ) -> list[LargeRecord]:
        """The records whose value has more bytes as JSON text, the largest first, without it."""
        if type(size_bytes) is not int or size_bytes < 0:
            raise InvalidOperationError(
                f"size_bytes is a whole number from 0 on, got {size_bytes!r}"
            )
        within = within_of(user_id, namespace, below)
        return self._do(plan_larger_than(size_bytes, within, checked_limit(limit), self._rules))

    def explain(self) -> list[QueryPlan]:
        """How the server finds records for `get`, `list_keys`, `get_all` and `search`.

        The generic plans, which prepared statements settle on, as a session of the store's own
        pool makes them now. No record is read.
        """
        return query_plans(self._store)

    def delete_user(self, user_id: str) -> int:
        """Removes all that a user has, by one statement; how many records that were.

        Raises:
            MissingUserError: the user is None or empty.
        """
        return self._store.delete_user(user_id)

    def delete_namespace(self, user_id: str, namespace: Namespace, *, below: bool = False) -> int:
        """Removes the records of exactly this namespace of one user; how many.

        `below=True` removes those of the namespaces below it as well.

        Raises:
            MissingUserError: the user is None or empty: none would be all of them.
        """
        within = Within(check_user_id(user_id), labels_of(namespace), below)
        return self._do(plan_delete_within(within, self._rules))

    def delete_namespace_of_all_users(self, namespace: Namespace, *, below: bool = False) -> int:
        """Removes exactly this namespace from every user, not from the shared space.

        Raises:
            InvalidNamespaceError: the root and all below it: that would be everything.
        """
        labels = labels_of(namespace)
        if below and not labels:
            raise InvalidNamespaceError(
                "all below the root of all users would be everything; name a namespace, or use "
                "delete_user for each"
            )
        return self._do(plan_delete_within(Within(None, labels, below), self._rules))

    @property
    def _rules(self) -> SqlContext:
        return self._store.planner.context

    def _accessed(self, within: Within, limit: int | None, *, recent: bool) -> list[AccessedRecord]:
        statement = plan_accessed(within, checked_limit(limit), self._rules, recent=recent)
        self._flush()
        return self._do(statement)

    def _stored(self, within: Within, page_size: int) -> Iterator[StoredRecord]:
        check_size("page_size", page_size)
        self._flush()

        def walk(after: ItemId | None) -> Iterator[StoredRecord]:
            while True:
                page = self._do(plan_page_of_records(within, after, page_size, self._rules))
                yield from page
                if len(page) < page_size:
                    return
                after = item_id_of(page[-1])

        return walk(None)

    def _flush(self) -> None:
        self._executor.run(self._executor.access.flush_job)

    def _do(self, statement: Statement[ResultT]) -> ResultT:
        result = self._executor.run(statement)
        found: ResultT = result
        return found

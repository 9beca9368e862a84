"""Removal in two steps: a look at what it would remove, then, once confirmed, the removal."""

from __future__ import annotations

from dataclasses import dataclass

from ..data_store.sql.administration import Within, plan_delete_within, plan_namespace_counts
from ..data_store.sql.atomic_changes import plan_delete
from ..errors import InvalidNamespaceError
from ..model.addresses import locate
from ..model.users import SHARED, Address
from ..sql.items.records import plan_stored_at
from ..store.agent_store import AgentStore
from ..store.user_views import executor_of
from .namespace_paths import UserNamespace
from .printable import count_text


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal to be confirmed: of an item, of a namespace, or also of those below it.

    `items` and `namespaces` are how many it concerns now.
    """

    namespace: UserNamespace
    key: str | None
    below: bool
    items: int
    namespaces: int

    @property
    def subject(self) -> str:
        """Name the items to remove, for a message."""
        path = self.namespace.path
        if self.key is not None:
            return f"item {self.key!r} of {path!r}"
        items = count_text(self.items, "item")
        if not self.below:
            return f"{items} in {path!r}"
        return f"{items} in {count_text(self.namespaces, 'namespace')} at or below {path!r}"


def planned_removal(
    store: AgentStore, namespace: UserNamespace, key: str | None = None, *, below: bool = False
) -> Removal:
    """Look at what a removal would remove; with `below`, the namespaces below, too.

    Raises:
        InvalidNamespaceError: it would remove everything that belongs to no user.
    """
    if key is not None:
        [found] = store.executor.run(
            plan_stored_at([namespace.item_id(key)], store.planner.context)
        )
        return Removal(namespace, key, False, 0 if found is None else 1, 1)
    within = _within(namespace, below)
    counts = store.executor.run(plan_namespace_counts(within, None, store.planner.context))
    return Removal(namespace, None, below, sum(c.records for c in counts), len(counts))


def remove(store: AgentStore, removal: Removal) -> int:
    """Remove what was looked at; return the number of removed items."""
    place, context = removal.namespace, store.planner.context
    if removal.key is None:
        within = _within(place, removal.below)
        return store.executor.run(plan_delete_within(within, context))
    at = locate(Address(place.user_id, place.labels), place.labels)
    return int(executor_of(store, place.user_id).run(plan_delete(at, removal.key, context)))


def _within(namespace: UserNamespace, below: bool) -> Within:
    if namespace == UserNamespace(SHARED, ()):
        raise InvalidNamespaceError(
            "this would remove everything that belongs to no user: name a namespace"
        )
    return Within(namespace.user_id, namespace.labels, below)

"""The planner of a view, whose tuples may lead to what other users share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

from langgraph.store.base import Item, ListNamespacesOp, PutOp, SearchItem, SearchOp

from ..model.namespaces import Labels, check_labels
from ..model.shared_scope import Grants, Neighbors, SharedScope
from ..model.users import UserScope
from .items.list_namespaces import WILDCARD
from .planner import Plan, Planner
from .search.options import QueryOptions
from .shared_items import OfView
from .statement import CurrentRules, Operation, ResultT


class ViewPlanner(Planner):
    """A planner of the operations of one user's view.

    An operation on a tuple that names no other user is planned as by any planner: at no cost.
    """

    def __init__(
        self,
        scope: UserScope,
        current_rules: CurrentRules,
        check: Callable[[object], Labels] = check_labels,
    ) -> None:
        super().__init__(scope, current_rules, check)
        self._user_scope = scope
        self._neighbors = Neighbors(current_rules.constants, scope.user_id)
        self._planner_for = lru_cache(maxsize=4)(self._make_planner_for)

    @cached_property
    def _own(self) -> Planner:
        """The planner of a user with whom nothing is shared."""
        return Planner(self._user_scope, self.current_rules, self._check)

    def _make_planner_for(self, grants: Grants) -> Planner:
        scope = SharedScope(self._user_scope, self._neighbors, grants)
        return Planner(scope, self.current_rules, self._check)

    def at(
        self, labels: object, plan: Plan[ResultT], *, writes: bool = False
    ) -> Operation[ResultT]:
        if not self._names_another(labels):
            return plan(self)
        return self._of_view(plan, (labels,) if writes else ())

    def writing_at(self, places: Sequence[Labels], plan: Plan[ResultT]) -> Operation[ResultT]:
        """Plan one write at exactly these namespaces by `plan`."""
        naming = tuple(labels for labels in places if self._names_another(labels))
        return self._of_view(plan, naming) if naming else plan(self)

    def below(self, prefix: object, plan: Plan[ResultT]) -> Operation[ResultT]:
        if not self._leads_to_others(prefix):
            return plan(self)
        return self._of_view(plan)

    def get(self, namespace: object, key: object, refresh: bool) -> Operation[Item | None]:
        if not self._names_another(namespace):
            return super().get(namespace, key, refresh)
        return self._of_view(lambda planner: planner.get(namespace, key, refresh))

    def put(self, op: PutOp) -> Operation[None]:
        if not self._names_another(op.namespace):
            return super().put(op)
        return self._of_view(lambda planner: planner.put(op), (op.namespace,))

    def search(self, op: SearchOp) -> Operation[list[SearchItem]]:
        if not self._leads_to_others(op.namespace_prefix):
            return super().search(op)
        return self._of_view(lambda planner: planner.search(op))

    def query(
        self, op: SearchOp, options: QueryOptions, *, explaining: bool = False
    ) -> Operation[Any]:
        if not self._leads_to_others(op.namespace_prefix):
            return super().query(op, options, explaining=explaining)
        return self._of_view(lambda planner: planner.query(op, options, explaining=explaining))

    def list_namespaces(self, op: ListNamespacesOp) -> Operation[list[Labels]]:
        if not self._lists_others(op):
            return super().list_namespaces(op)
        return self._of_view(lambda planner: planner.list_namespaces(op))

    def _of_view(self, plan: Plan[ResultT], written: Sequence[object] = ()) -> Operation[ResultT]:
        """Return the operation planned for what is shared; `written`: the namespaces it writes."""
        own = plan(self._own)

        def planned(grants: Grants) -> Operation[ResultT]:
            planner = self._planner_for(grants)
            assert isinstance(planner.scope, SharedScope)
            for labels in written:
                planner.scope.check_writable(self._check(labels))
            return plan(planner)

        return OfView(self._user_scope.user_id, own, planned, writes=bool(written))

    def _names_another(self, labels: object) -> bool:
        return isinstance(labels, (tuple, list)) and self._neighbors.named(labels) is not None

    def _leads_to_others(self, prefix: object) -> bool:
        return isinstance(prefix, (tuple, list)) and self._neighbors.are_at_or_below(prefix)

    def _lists_others(self, op: ListNamespacesOp) -> bool:
        """Return whether some tuple that names another user may meet the prefix conditions."""
        return bool(self._neighbors.constants) and not any(
            condition.match_type == "prefix"
            and any(
                label not in (WILDCARD, constant)
                for label, constant in zip(condition.path, self._neighbors.constants, strict=False)
            )
            for condition in op.match_conditions or ()
        )

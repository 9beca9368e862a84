"""A user's records as a LangGraph store sees them, but with values as they are stored."""

from __future__ import annotations

from ..model.namespaces import Labels
from ..model.users import RecordScope
from ..sql.planner import Planner
from ..store.base import StoreBase
from ..store.search import Search


class RecordView(Search):
    """For search: labels may be any, since they come from checked namespaces."""

    def __init__(self, store: StoreBase, user_id: str) -> None:
        super().__init__(store.executor, store.ttl_config)
        current_rules = store.executor.current_rules
        self._own_planner = Planner(RecordScope(user_id), current_rules, _as_they_are)

    @property
    def planner(self) -> Planner:
        """The planner of records as they are stored."""
        return self._own_planner


def _as_they_are(labels: object) -> Labels:
    assert isinstance(labels, tuple)
    return labels

"""`StoreBase`: the base class of every store and view of this package.

A call plans in the caller's thread, where invalid input raises an error and the running graph's
user is known. It then hands the operation to the executor. `ax` is the async form of `x`.
"""

from __future__ import annotations

from langgraph.store.base import BaseStore, Op, TTLConfig

from .._support.lifecycle import Handle
from ..model.ttl import replaced_options
from ..results import Explanation
from ..sql.planner import Planner
from .executor import Executor


class StoreBase(Handle, BaseStore):
    """A `BaseStore` over an executor; the scope of its planner maps tuples to records.

    Facades that are built on a store run their operations by its `executor`.
    """

    supports_ttl = True
    planner: Planner

    def __init__(
        self, executor: Executor, ttl_config: TTLConfig | None, planner: Planner | None = None
    ) -> None:
        self.executor = executor
        self._ttl_options = ttl_config
        if planner is not None:  # A per-user view has a planner for each user instead.
            self.planner = planner

    @property
    def ttl_config(self) -> TTLConfig | None:
        """The store's `ttl`; `default_ttl` and `refresh_on_read` may be changed in it."""
        return self._ttl_options

    @ttl_config.setter
    def ttl_config(self, given: TTLConfig | None) -> None:
        self._ttl_options = replaced_options(self._ttl_options, given)

    def explain(self, op: Op) -> Explanation:
        """Return the statement of a single operation, without a connection."""
        return self.planner.explain(op)

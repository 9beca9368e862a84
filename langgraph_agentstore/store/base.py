"""`StoreBase`: the base class of every store and view of this package.

A call plans in the caller's thread, where invalid input raises an error and the running graph's
user is known. It then hands the operation to the executor. `ax` is the async form of `x`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langgraph.store.base import BaseStore, Op, TTLConfig

from .._support.lifecycle import Handle
from ..config.replica_options import Consistency, check_consistency
from ..model.ttl import replaced_options
from ..results import Explanation
from ..sql.planner import Planner
from .executor import CONSISTENCY, Executor


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

    @property
    def _reader(self) -> Executor:
        """The executor of reads that a replica may answer."""
        return self.executor.reading()

    @contextmanager
    def consistency(self, consistency: Consistency) -> Iterator[None]:
        """Choose who answers the reads of the block, in place of the store's `consistency`.

        It holds for the code that runs in the block, in tasks started there too, and for all
        stores. Without `read_dsn`, all reads go to the primary.

        Args:
            consistency: "primary" or "replica".

        Raises:
            ConfigurationError: it is neither.
        """
        check_consistency(consistency)
        token = CONSISTENCY.set(consistency)
        try:
            yield
        finally:
            CONSISTENCY.reset(token)

    def explain(self, op: Op) -> Explanation:
        """Return the statement of a single operation, without a connection."""
        return self.planner.explain(op)

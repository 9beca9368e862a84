"""The door between a store and everything built on it: run an operation, get its typed result."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from langgraph.store.base import IndexConfig

from .._support.one_time_warnings import Hints
from ..results import StoreStats
from ..runtime.access_log import AccessLog, Touched
from ..runtime.engine import CONSISTENCY, Drainable
from ..runtime.job import Job
from ..runtime.jobs.import_records import Importing
from ..runtime.jobs.maintenance import OPEN, READY, explain_job
from ..sql.statement import CurrentRules, Operation, Query, ResultT, SqlContext, Statement, Users

__all__ = [
    "CONSISTENCY",
    "OPEN",
    "READY",
    "Drainable",
    "Executor",
    "Importing",
    "Job",
    "Operation",
    "Query",
    "ResultT",
    "SqlContext",
    "Statement",
    "explain_job",
]


class Executor(Protocol):
    """The interface that runs operations of one store, for its views and for the facades.

    The runtime's engine implements it. Facades reach the database only through this interface.
    """

    index_config: IndexConfig | None

    @property
    def access(self) -> AccessLog:
        """The log of reads that are not counted yet."""

    @property
    def drained_first(self) -> weakref.WeakSet[Drainable]:
        """Those who make their writes before the store closes."""

    @property
    def current_rules(self) -> CurrentRules:
        """The current rules, shared by all planners of the store."""

    @property
    def context(self) -> SqlContext:
        """The current context of statements."""

    @property
    def hints(self) -> Hints:
        """The hints that were logged for the users of the store."""

    @property
    def is_open(self) -> bool:
        """Tell whether an operation would go to the server at once."""

    @property
    def is_closed(self) -> bool:
        """Tell whether no more operations are taken."""

    def run(self, operation: Operation[ResultT]) -> ResultT:
        """Block the calling thread until the operation is done; return its result."""

    async def arun(self, operation: Operation[ResultT]) -> ResultT:
        """Async form of `run`."""

    def run_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Block the calling thread until all are done; return their results in the order given."""

    async def arun_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Async form of `run_all`."""

    @property
    def users(self) -> Users | None:
        """The users of the view; None for a store, whose operations name their own."""

    def bound(self) -> Executor:
        """Return the executor for the view's users of this moment, for what is read later."""

    def reading(self) -> Executor:
        """Return the executor for reads that a replica may answer: no part of a longer change."""

    def for_view(self, users: Callable[[], Users | None]) -> Executor:
        """Return the executor of a view, whose users `users` finds at each call."""

    def post(self, job: Job[Any]) -> None:
        """Start a job without waiting for it; do nothing if the store is not open."""

    def note_access(self, touched: Iterable[Touched], count: int, agent: str) -> None:
        """Count `count` reads of each record in the background, without waiting."""

    def answer_ms(self, within_s: float) -> float | None:
        """Return how long the I/O thread takes to answer; None: it does not, or there is none."""

    def stats(self) -> StoreStats:
        """Return counters and the state of the pool, without I/O."""

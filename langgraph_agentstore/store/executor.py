"""The door between a store and everything built on it: run an operation, get its typed result."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from langgraph.store.base import IndexConfig

from .._support.hints import Hints
from ..results import StoreStats
from ..runtime.access_log import AccessLog, Touched
from ..runtime.engine import Drainable
from ..runtime.jobs.import_records import Importing
from ..runtime.jobs.maintenance import HEALTH, OPEN, explain_job
from ..runtime.session import Job
from ..sql.statement import CurrentRules, Operation, ResultT, SqlContext, Statement

__all__ = [
    "HEALTH",
    "OPEN",
    "Drainable",
    "Executor",
    "Importing",
    "Job",
    "Operation",
    "ResultT",
    "SqlContext",
    "Statement",
    "explain_job",
]


class Executor(Protocol):
    """Runs operations of one store, for its views and for the facades.

    The runtime's engine is one. Facades reach the database through this interface alone.
    """

    index_config: IndexConfig | None
    access: AccessLog
    drained_first: weakref.WeakSet[Drainable]

    @property
    def current_rules(self) -> CurrentRules:
        """The rules in force, shared by all planners of the store."""

    @property
    def context(self) -> SqlContext:
        """The context that statements are written for now."""

    @property
    def hints(self) -> Hints:
        """The hints that the users of the store were given."""

    @property
    def is_open(self) -> bool:
        """Whether an operation would go to the server at once."""

    @property
    def is_closed(self) -> bool:
        """Whether no more operations are taken."""

    def run(self, operation: Operation[ResultT]) -> ResultT:
        """Block the calling thread until the operation is done; return its result."""

    async def arun(self, operation: Operation[ResultT]) -> ResultT:
        """Async form of `run`."""

    def run_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Block the calling thread until all are done; return their results in the order given."""

    async def arun_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Async form of `run_all`."""

    def post(self, job: Job[Any]) -> None:
        """Start a job that nobody waits for; do nothing if the store is not open."""

    def note_access(self, touched: Iterable[Touched], count: int, agent: str) -> None:
        """Count reads of records, `count` of each, soon; wait for nothing."""

    def stats(self) -> StoreStats:
        """Return counters and the state of the pool, without I/O."""

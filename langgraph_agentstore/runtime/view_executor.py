"""The executor of a view: it tells with each operation whose view it is."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.store.base import IndexConfig

from .._support.one_time_warnings import Hints
from ..results import StoreStats
from ..sql.statement import CurrentRules, Operation, ResultT, SqlContext, Users
from .access_log import AccessLog, Touched
from .job import Job

if TYPE_CHECKING:
    from .engine import Drainable, Engine


class ViewExecutor:
    """An engine as a view sees it; `users` finds the view's users at each call.

    The users come from here, not from the addresses of the operations: so row level security
    checks whoever made the addresses.
    """

    def __init__(
        self, engine: Engine, users: Callable[[], Users | None], *, replica: bool = False
    ) -> None:
        self._engine = engine
        self._users = users
        self._replica = replica

    def run(self, operation: Operation[ResultT]) -> ResultT:
        """Block the calling thread until the operation is done; return its result."""
        result: ResultT = self.run_all((operation,))[0]
        return result

    async def arun(self, operation: Operation[ResultT]) -> ResultT:
        """Async form of `run`."""
        result: ResultT = (await self.arun_all((operation,)))[0]
        return result

    def run_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Block the calling thread until all are done; return their results in the order given."""
        return self._engine.run_all(operations, self._users(), replica=self._replica)

    async def arun_all(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Async form of `run_all`."""
        return await self._engine.arun_all(operations, self._users(), replica=self._replica)

    @property
    def users(self) -> Users | None:
        """The view's users of this moment."""
        return self._users()

    def bound(self) -> ViewExecutor:
        """Return the executor for the view's users of this moment."""
        users = self._users()
        return ViewExecutor(self._engine, lambda: users, replica=self._replica)

    def reading(self) -> ViewExecutor:
        """Return the executor for reads that a replica may answer."""
        if self._replica or self._engine.config.replicas is None:
            return self
        return ViewExecutor(self._engine, self._users, replica=True)

    def for_view(self, users: Callable[[], Users | None]) -> ViewExecutor:
        """Return the executor of another view of the same store."""
        return ViewExecutor(self._engine, users)

    @property
    def index_config(self) -> IndexConfig | None:
        """The index that the store was given."""
        return self._engine.index_config

    @index_config.setter
    def index_config(self, given: IndexConfig | None) -> None:
        self._engine.index_config = given

    @property
    def access(self) -> AccessLog:
        """The log of reads that are not counted yet."""
        return self._engine.access

    @property
    def drained_first(self) -> weakref.WeakSet[Drainable]:
        """Those who make their writes before the store closes."""
        return self._engine.drained_first

    @property
    def current_rules(self) -> CurrentRules:
        """The current rules, shared by all planners of the store."""
        return self._engine.current_rules

    @property
    def context(self) -> SqlContext:
        """The current context of statements."""
        return self._engine.context

    @property
    def hints(self) -> Hints:
        """The hints that were logged for the users of the store."""
        return self._engine.hints

    @property
    def is_open(self) -> bool:
        """Tell whether an operation would go to the server at once."""
        return self._engine.is_open

    @property
    def is_closed(self) -> bool:
        """Tell whether no more operations are taken."""
        return self._engine.is_closed

    def post(self, job: Job[Any]) -> None:
        """Start a job without waiting for it; do nothing if the store is not open."""
        self._engine.post(job)

    def note_access(self, touched: Iterable[Touched], count: int, agent: str) -> None:
        """Count `count` reads of each record in the background, without waiting."""
        self._engine.note_access(touched, count, agent)

    def answer_ms(self, within_s: float) -> float | None:
        """Return how long the I/O thread takes to answer; None: it does not, or there is none."""
        return self._engine.answer_ms(within_s)

    def stats(self) -> StoreStats:
        """Return counters and the state of the pool, without I/O."""
        return self._engine.stats()

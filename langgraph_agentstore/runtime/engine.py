"""The engine: runs planned operations for callers on any thread or event loop.

A caller puts a `Request` into an inbox and wakes the I/O thread once. There, an open `Session`
runs the operations. The first request starts the thread and opens the session. Requests that
arrive meanwhile wait in the inbox; if opening fails, they all fail. The next request tries again.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Protocol, cast

from langgraph.store.base import IndexConfig

from .._support.one_time_warnings import Hints
from ..config.replica_options import Consistency
from ..config.store_options import StoreConfig
from ..errors import AgentStoreError, BlockingCallError, StoreClosedError
from ..model.provenance import current_provenance
from ..results import StoreStats
from ..sql.statement import CurrentRules, Operation, ResultT, SqlContext, Users
from ..telemetry.recorder import Recorder
from .access_log import FLUSH_S, AccessLog, Touched
from .caller_requests import (
    AwaitedRequest,
    BackgroundRequest,
    BlockingRequest,
    Request,
    announce_all,
)
from .driven_reads import DrivenReads, near_reads_for
from .io_thread import EVENTLET, GEVENT, ForkAware, IoThread, check_threads, in_thread
from .job import Job
from .near_reads import NearReads, beside
from .observation import Observer
from .opening import open_session
from .session import Session
from .store_stats import stats_of
from .view_executor import ViewExecutor

logger = logging.getLogger("langgraph_agentstore")


CONSISTENCY: ContextVar[Consistency | None] = ContextVar("agentstore_consistency", default=None)
"""What the running code wants in place of the store's own option."""


class Drainable(Protocol):
    """A holder of writes that it promised to make in the background through an engine."""

    def drain(self) -> None:
        """Make the writes; return when all are made, or after reporting that it gives up."""


class Engine(ForkAware):
    """The executor of one store: one thread and one session, started by the first request."""

    def __init__(
        self, config: StoreConfig, current_rules: CurrentRules, index: Mapping[str, Any] | None
    ) -> None:
        check_threads()
        super().__init__()
        self.config = config
        self.current_rules = current_rules
        self.index_config = cast("IndexConfig | None", index)
        self._closed = False
        self._refused = 0
        telemetry = config.telemetry
        recorder = None if telemetry is None else Recorder(telemetry, config.schema)
        if recorder is not None:
            recorder.watch(self.stats)
        self._observer = Observer(config.slow_operation_s, recorder)
        self.drained_first: weakref.WeakSet[Drainable] = weakref.WeakSet()
        self._reset()

    def _reset(self) -> None:
        self._gate = threading.Lock()
        self._thread: IoThread | None = None
        self._inbox: deque[Request] = deque()
        self._woken = False
        self._opening: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._near: NearReads | None = None
        self._observer.after_fork()
        self.access = AccessLog()

    @property
    def context(self) -> SqlContext:
        """The context that statements are written for now; reindexing replaces it."""
        return self.current_rules.context

    @property
    def hints(self) -> Hints:
        """The hints that the users of the store were given."""
        return self.current_rules.hints

    def run(self, operation: Operation[ResultT]) -> ResultT:
        """Block the calling thread until the operation is done; return its result."""
        result: ResultT = self.run_all((operation,))[0]
        return result

    async def arun(self, operation: Operation[ResultT]) -> ResultT:
        """Async form of `run`, on any event loop."""
        result: ResultT = (await self.arun_all((operation,)))[0]
        return result

    @property
    def users(self) -> Users | None:
        """None: each operation names its own."""
        return None

    def bound(self) -> Engine:
        """Return itself: it is for no view."""
        return self

    def reading(self) -> Engine | ViewExecutor:
        """Return the executor for reads that a replica may answer."""
        if self.config.replicas is None:
            return self
        return ViewExecutor(self, lambda: None, replica=True)

    def for_view(self, users: Callable[[], Users | None]) -> ViewExecutor:
        """Return the executor of a view, whose users `users` finds at each call."""
        return ViewExecutor(self, users)

    def run_all(
        self,
        operations: Sequence[Operation[Any]],
        users: Users | None = None,
        *,
        replica: bool = False,
    ) -> list[Any]:
        """Block the calling thread until all are done; return their results in the order given.

        `users`: those of the caller's view; None where each operation names its own. `replica`:
        whether a replica may answer the reads.
        """
        thread = self._thread
        if thread is not None and thread.ident == threading.get_ident():
            raise BlockingCallError(
                "a blocking call on the store's own I/O thread would wait for itself; "
                "use the async form there"
            )
        near = self._near if isinstance(self._near, DrivenReads) and self._near.is_here else None
        if near is not None:
            found = near.read_driven(self._session, operations, users)
            if found is not None:
                return found
            near.begin_other()
        request = BlockingRequest(operations, users)
        request.reads_replica = replica and self._reads_replica()
        try:
            self._submit(request)
            request.wait()
        finally:
            if near is not None:
                near.end_other()
        return request.outcome()

    async def arun_all(
        self,
        operations: Sequence[Operation[Any]],
        users: Users | None = None,
        *,
        replica: bool = False,
    ) -> list[Any]:
        """Async form of `run_all`, on any event loop.

        Operations of a cancelled caller that were not sent yet are dropped.
        """
        # In one body: each coroutine between a caller and its answer costs when it goes on.
        near = self._near if self._near is not None and self._near.is_here else None
        if near is not None:
            connection = near.ready(self._session, operations)
            if connection is not None:
                found = await near.read(self._session, connection, operations, users)
                if found is not None:
                    return found
            near.begin_other()
        request = AwaitedRequest(operations, users)
        request.reads_replica = replica and self._reads_replica()
        try:
            self._submit(request)
            await request.future
        except asyncio.CancelledError:
            self._cancel(request)
            raise
        finally:
            if near is not None:
                near.end_other()
        return request.outcome()

    def come_near(self, *, blocking: bool) -> None:
        """Keep a connection for reads near the caller; do nothing if the store was opened before.

        It is for calls awaited on the running loop, or for blocking ones.
        """
        with self._gate:
            if self._thread is None:
                self._near = near_reads_for(self.config, self._observer, blocking=blocking)

    async def aclose(self) -> None:
        """Async form of `close`."""
        if self._near is not None:
            await self._near.aclose()
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """End the store when everything accepted is done. Idempotent and thread-safe."""
        if not self._closed:
            for holder in list(self.drained_first):
                holder.drain()
        with self._gate:
            self.close_soon()
        thread = self._thread
        if thread is not None and thread.ident != threading.get_ident():
            thread.join()
        if self._near is not None:
            self._near.join()

    def close_soon(self) -> None:
        """Start closing without waiting or locking, for a finalizer, which may run on any thread.

        A finalizer runs when nobody can submit any more, so it needs no lock.
        """
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        if self._near is not None:
            self._near.end()
        if self._thread is not None:
            self._thread.call(self._start_closing)

    @property
    def is_open(self) -> bool:
        """Tell whether an operation would be sent to the server at once."""
        return self._session is not None

    @property
    def is_closed(self) -> bool:
        """Tell whether no more operations are taken."""
        return self._closed

    def stats(self) -> StoreStats:
        """Return the counters since the store was made and the state of the pool, without I/O."""
        return stats_of(
            self._session, self._near, self._refused, len(self._inbox), self._observer.kinds()
        )

    def answer_ms(self, within_s: float) -> float | None:
        """Return how long the I/O thread takes to answer; None: it does not, or there is none."""
        return None if self._thread is None else self._thread.answer_ms(within_s)

    def note_access(self, touched: Iterable[Touched], count: int, agent: str) -> None:
        """Count reads of records, `count` of each, soon; wait for nothing. See `AccessLog.note`."""
        thread = self._thread
        if self.access.note(touched, count, agent) and thread is not None:
            with suppress(RuntimeError):  # closed meanwhile, which counted them
                thread.call(self._flush_later)

    def after_fork(self, keep: Callable[[object], None]) -> None:
        """Drop the parent's thread and connections; the child makes its own when it needs them."""
        kept = (self._thread, self._session, self._near, self._opening, self._closing)
        keep((*kept, list(self._inbox)))
        self._reset()

    def _reads_replica(self) -> bool:
        replicas = self.config.replicas
        return replicas is not None and (CONSISTENCY.get() or replicas.consistency) == "replica"

    def _submit(self, request: Request) -> None:
        if not request.operations:
            request.announce()
            return
        if GEVENT in sys.modules or EVENTLET in sys.modules:
            check_threads()
        if self.config.asks_who:
            request.said = current_provenance().text
        if self._observer.recorder is not None:
            request.context = self._observer.recorder.current()
        with self._gate:
            if self._closed:
                raise StoreClosedError("the store was closed; construct another")
            if self._thread is None:
                self._thread = IoThread()
                atexit.register(self.close)
            self._inbox.append(request)
            if self._woken:
                return
            self._woken = True
            thread = self._thread
            thread.loop.call_soon_threadsafe(self._drain, context=thread.context)

    def _cancel(self, request: Request) -> None:
        request.cancelled = True
        assert self._thread is not None
        with suppress(RuntimeError):  # closed meanwhile
            self._thread.call(self._give_up, request)

    def _give_up(self, request: Request) -> None:
        if self._session is not None:
            self._session.give_up(request)

    def _drain(self) -> None:
        self._woken = False
        if self._session is not None:
            while self._inbox:
                self._session.begin(self._inbox.popleft())
            self._session.dispatch()
        elif self._opening is None and self._inbox:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        try:
            near = self._near
            config = self.config if near is None else beside(self.config)
            session = await open_session(config, self.current_rules.context, self._observer)
            if near is not None:
                session.database.connections.on_none_left.append(near.give_way)
            self.current_rules.learn(session.context)
            self._session = session
        except Exception as error:
            if not isinstance(error, AgentStoreError):
                logger.exception("opening the store failed")
            self._refuse_inbox(error)
        finally:
            self._opening = None
            self._drain()

    def post(self, job: Job[Any]) -> None:
        """Start a job that nobody waits for; do nothing if the store is not open.

        Takes no lock, since a finalizer may call it on any thread.
        """
        thread = self._thread
        if thread is not None and not self._closed:
            with suppress(RuntimeError):  # closed meanwhile
                thread.call(self._begin_posted, job)

    def _begin_posted(self, job: Job[Any]) -> None:
        if self._session is not None:
            self._session.begin(BackgroundRequest([job], "ending a watch that was dropped"))

    def _flush_later(self) -> None:
        asyncio.get_running_loop().call_later(FLUSH_S, self._start_flush)

    def _start_flush(self) -> None:
        self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        """Count the reads noted; if that fails, try again later."""
        session = self._session
        done = session is None or await self.access.flushed(session)
        if not done and self._closing is None:
            self._flush_later()

    def _refuse_inbox(self, error: Exception) -> None:
        refused = list(self._inbox)
        self._inbox.clear()
        for request in refused:
            request.fail_all(error)
            self._refused += request.failed_operations
        self._observer.finished(refused)
        announce_all(refused)

    def _start_closing(self) -> None:
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._finish())

    async def _finish(self) -> None:
        assert self._thread is not None
        try:
            self._drain()
            while self._opening is not None:
                await asyncio.wait([self._opening])
            if self._session is not None:
                await self._session.settle()
                await self._flush()
                await self._session.finish()
            if self.config.source.embedded is not None:
                await in_thread(self.config.source.embedded.stop)
        except Exception:
            logger.exception("closing the store failed")
        finally:
            self._refuse_inbox(StoreClosedError("the store was closed; construct another"))
            self._thread.stop()

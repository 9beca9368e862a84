"""Calls of an embedder: away from the I/O loop, several at once, each with a time limit.

Blocking calls run on threads of the embedder's own. Awaited calls run on a loop that all stores of
the process share: an async client stays with the loop that used it first, whatever store comes
next.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from ..config.embedders import Ask, Embedder, Factory, Forms
from ..config.search_index import SearchIndex
from ..errors import EmbeddingTimeoutError
from ..sql.statement import ResultT
from .io_thread import ForkAware, IoThread

LONGEST_MAKING_S = 600.0
"""How long making an embedder may take: a model may be downloaded."""

LATE = 3
"""A call that was given up and does not end in so many times the limit hangs."""

STUCK_S = 1.0
"""A loop that does nothing for so long after a call was given up is blocked by that call."""


class ModelCalls:
    """The calls of one embedder, for one store, on the running loop."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._factory = index.embedder if isinstance(index.embedder, Factory) else None
        self._making: asyncio.Task[None] | None = None
        self._workers = Workers()
        self._closed = False
        self._under_way: set[asyncio.Future[Any]] = set()
        self._only_awaited: set[Forms] = set()
        self.embedder: Embedder | None = None
        if isinstance(index.embedder, Embedder):
            self._use(index.embedder)

    @property
    def width(self) -> int:
        """How many calls for documents, or for queries, may be requested at once."""
        return 1 if self.embedder is None else max(1, self._at_once(self.embedder) // 2)

    async def documents(self, texts: list[str]) -> Any:
        """Return the embedder's result for the texts, unchecked.

        Raises:
            EmbeddingTimeoutError: it took too long.
            Exception: whatever the embedder raised.
        """
        embedder = await self._made()
        return await self._ask(embedder.documents, texts)

    async def queries(self, texts: list[str]) -> Any:
        """Do the same as `documents` for queries."""
        embedder = await self._made()
        return await self._ask(embedder.queries, texts)

    async def given_up_ended(self) -> bool:
        """Wait for the end of the call given up last; return whether it ended.

        A model that is called by one thread at a time may fail if it is called again while a
        thread that was left behind still uses it.
        """
        left = self._workers.left_behind
        if left is None or self.width > 1:
            return True
        with suppress(asyncio.CancelledError):  # closed: the next call says so
            try:
                await self._in_time(asyncio.wait([left]), LATE * self._index.embed_timeout_s)
            except EmbeddingTimeoutError:
                return False
        return True

    def close(self) -> None:
        """Give up the calls in flight and those that wait, and end idle threads."""
        self._closed = True
        for call in self._under_way:
            call.cancel()
        self._workers.close()

    def _at_once(self, embedder: Embedder) -> int:
        return self._index.embed_concurrency or embedder.at_once

    def _use(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._room = asyncio.Semaphore(self._at_once(embedder))

    async def _made(self) -> Embedder:
        while self.embedder is None:
            if self._making is None:
                self._making = asyncio.get_running_loop().create_task(self._make())
            making = self._making
            await asyncio.wait([making])
            making.result()
        return self.embedder

    async def _make(self) -> None:
        assert self._factory is not None
        try:
            # On the thread that calls it later: some models are bound to their thread.
            making = self._workers.run(self._factory.made)
            self._use(await self._in_time(making, LONGEST_MAKING_S, "making the embedder"))
        finally:
            self._making = None

    async def _ask(self, forms: Forms, texts: list[str]) -> Any:
        async with self._room:
            if forms.blocking is None or forms in self._only_awaited:
                return await self._await(forms.awaited, texts)
            try:
                return await self._block(forms.blocking, texts)
            except (NotImplementedError, RuntimeError) as error:
                if forms.awaited is None or not _needs_a_loop(error):
                    raise
                self._only_awaited.add(forms)
            return await self._await(forms.awaited, texts)

    async def _block(self, ask: Ask, texts: list[str]) -> Any:
        given = await self._in_time(self._workers.run(lambda: ask(texts)))
        # A decorator may hide that a function is a coroutine function.
        return await self._await(lambda _: given, texts) if inspect.isawaitable(given) else given

    async def _await(self, ask: Ask | None, texts: list[str]) -> Any:
        assert ask is not None
        thread = await AWAITED.thread()

        async def asked() -> Any:
            given = ask(texts)
            return await given if inspect.isawaitable(given) else given

        call = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked(), thread.loop))
        try:
            return await self._in_time(call)
        except EmbeddingTimeoutError:
            AWAITED.suspect(thread)
            raise

    async def _in_time(
        self,
        work: Awaitable[ResultT],
        limit_s: float | None = None,
        name: str = "the embedder",
    ) -> ResultT:
        """Return the result of the work, or give it up when it takes too long."""
        limit_s = self._index.embed_timeout_s if limit_s is None else limit_s
        call = asyncio.ensure_future(work)
        if self._closed:
            call.cancel()
        self._under_way.add(call)
        try:
            await asyncio.wait([call], timeout=limit_s)
        finally:
            self._under_way.discard(call)
        if not call.done():
            call.cancel()
            await asyncio.wait([call])  # its worker is now known as left behind
            raise EmbeddingTimeoutError(f"{name} took longer than {limit_s:g} s")
        return call.result()


def _needs_a_loop(error: Exception) -> bool:
    """Return whether a blocking form says that it is missing, or that it needs an event loop."""
    return isinstance(error, NotImplementedError) or "event loop" in str(error)


class Workers:
    """Daemon threads for blocking calls; an idle thread is used again before a new one starts.

    The thread of a call that is given up is left behind and ends when the call does. Use it on one
    loop.
    """

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._closed = False
        self.left_behind: asyncio.Future[Any] | None = None

    async def run(self, call: Callable[[], ResultT]) -> ResultT:
        """Run the call in a thread; return or raise what it does."""
        worker = self._idle.pop() if self._idle else _Worker()
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        worker.take(call, future)
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            worker.leave()
            # Retrieved here, so that asyncio does not log a failure that nobody waits for.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self.left_behind = future
            raise
        if self._closed:
            worker.leave()
        else:
            self._idle.append(worker)
        return future.result()

    def close(self) -> None:
        """End the threads; busy ones end after their call."""
        self._closed = True
        while self._idle:
            self._idle.pop().leave()


class _Worker:
    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            SimpleQueue()
        )
        threading.Thread(target=self._run, name="agentstore-embed", daemon=True).start()

    def take(self, call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self._jobs.put((call, future))

    def leave(self) -> None:
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            _run_call(*job)
            del job  # an idle thread keeps no embedder alive


def _run_call(call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
    result, failure = None, None
    try:
        result = call()
    except Exception as error:
        # A future cannot hold a StopIteration.
        failure = RuntimeError(repr(error)) if isinstance(error, StopIteration) else error
    except BaseException as error:  # SystemExit must not end the thread without an answer
        failure = RuntimeError(f"it raised {type(error).__name__}")
        failure.__cause__ = error
    with suppress(RuntimeError):  # the store was closed meanwhile
        future.get_loop().call_soon_threadsafe(_settle, future, result, failure)


def _settle(future: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)


class _AwaitedCalls(ForkAware):
    """The loop on which awaited embedders run, one for the process."""

    def __init__(self) -> None:
        super().__init__()
        self._gate = threading.Lock()
        self._thread: IoThread | None = None
        self._suspect: IoThread | None = None

    async def thread(self) -> IoThread:
        """Return the thread of the loop; start it if needed, and replace one that is stuck."""
        thread = self._running()
        if thread is not self._suspect:
            return thread
        answers = await _answers(thread)
        with self._gate:
            if self._suspect is thread:
                self._suspect = None
                self._thread = thread if answers else None
        return self._running()

    def suspect(self, thread: IoThread) -> None:
        """Let the next call check first whether a call that was given up blocks the loop."""
        self._suspect = thread

    def _running(self) -> IoThread:
        with self._gate:
            if self._thread is None:
                self._thread = IoThread("agentstore-embed")
            return self._thread

    def after_fork(self, keep: Callable[[object], None]) -> None:
        """Forget the parent's thread; the child starts its own."""
        keep(self._thread)
        self._gate, self._thread, self._suspect = threading.Lock(), None, None


async def _answers(thread: IoThread) -> bool:
    answered: concurrent.futures.Future[None] = concurrent.futures.Future()
    thread.call(answered.set_result, None)
    await asyncio.wait([asyncio.wrap_future(answered)], timeout=STUCK_S)
    return answered.done()


AWAITED = _AwaitedCalls()

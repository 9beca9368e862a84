"""Texts to vectors: batched over concurrent callers, each text once, and away from the I/O loop.

The embedder runs on a thread with a loop of its own: awaitable ones there, blocking ones in
threads of that loop. So a slow one delays those alone who wait for its vectors. A text that finds
room goes out at once; those that come meanwhile make the next batch. A batch that fails is run
again in halves until the texts that fail are alone.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..embeddings import vector_bytes
from ..errors import (
    EmbeddingError,
    EmbeddingShapeError,
    EmbeddingTimeoutError,
    IndexMismatchError,
)
from ..index import SearchIndex
from .io_thread import IoThread

WIDTH = 4
"""Calls of the embedder under way at once."""

THREADS = 2 * WIDTH
"""For blocking embedders; those that hang for ever keep theirs."""

LONGEST_GOODBYE_S = 1.0

REMEMBERED_BYTES = 64 * 1024 * 1024
"""How much of the vectors last asked for is kept."""


class _Wanted:
    """A text under way: who waits for its vector."""

    __slots__ = ("future", "waiters")

    def __init__(self) -> None:
        self.future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiters = 0


Embed = Callable[[list[str]], Awaitable[Sequence[Any]]]


class _Flow:
    """The texts of one kind, documents or queries, on their way through the embedder."""

    def __init__(self, embed: Embed, index: SearchIndex, thread: IoThread, batch: int) -> None:
        assert index.vectors is not None
        self._embed = embed
        self._index = index
        self._thread = thread
        self._batch_size = batch
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._most_known = max(100, REMEMBERED_BYTES // (4 * index.vectors.dims + 200))
        self._wanted: dict[str, _Wanted] = {}
        self._waiting: list[str] = []
        self._flying: set[asyncio.Task[None]] = set()
        self.closed = False

    def recall(self, text: str) -> bytes | None:
        """Its vector, if it was asked for lately."""
        if text in self._known:
            self._known.move_to_end(text)
        return self._known.get(text)

    def learn(self, text: str, vector: bytes) -> None:
        self._known[text] = vector
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)

    async def vectors(self, texts: Sequence[str]) -> list[bytes]:
        """One for each text, in their order.

        Raises:
            EmbeddingError: the embedder failed with one of them.
        """
        wanted = {text: self._want(text) for text in texts if self.recall(text) is None}
        found = {text: self._known[text] for text in texts if text not in wanted}
        self._depart()
        try:
            if wanted:
                await asyncio.wait([want.future for want in wanted.values()])
        finally:
            for want in wanted.values():
                want.waiters -= 1
        found.update((text, want.future.result()) for text, want in wanted.items())
        return [found[text] for text in texts]

    def _want(self, text: str) -> _Wanted:
        want = self._wanted.get(text)
        if want is None:
            want = self._wanted[text] = _Wanted()
            # Retrieved here, so that a failure which nobody waits for any more is no complaint.
            want.future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._waiting.append(text)
        want.waiters += 1
        return want

    def _depart(self) -> None:
        while self._waiting and len(self._flying) < WIDTH:
            batch, self._waiting = (
                self._waiting[: self._batch_size],
                self._waiting[self._batch_size :],
            )
            for text in [text for text in batch if not self._wanted[text].waiters]:
                batch.remove(text)
                self._wanted.pop(text).future.cancel()
            if batch:
                task = asyncio.get_running_loop().create_task(self._fly(batch))
                self._flying.add(task)
                task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._depart()

    async def _fly(self, batch: Sequence[str]) -> None:
        try:
            vectors = await self._call(list(batch))
        except Exception as error:
            hopeless = (EmbeddingTimeoutError, IndexMismatchError)
            if len(batch) > 1 and not isinstance(error, hopeless):
                middle = len(batch) // 2
                await self._fly(batch[:middle])
                await self._fly(batch[middle:])
                return
            for text in batch:
                self._settle(text, error)
        else:
            for text, vector in zip(batch, vectors, strict=True):
                self.learn(text, vector)
                self._settle(text, vector)

    def _settle(self, text: str, outcome: bytes | Exception) -> None:
        future = self._wanted.pop(text).future
        if future.done():
            return
        if isinstance(outcome, bytes):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

    async def _in_time(self, texts: list[str]) -> Sequence[Any]:
        """On the embedder's own loop: its answer, unless that takes too long."""
        timeout = self._index.embed_timeout_s
        call = asyncio.ensure_future(self._embed(texts))
        await asyncio.wait([call], timeout=timeout)
        if not call.done():
            call.cancel()
            raise EmbeddingTimeoutError(f"the embedder took longer than {timeout:g} s")
        return call.result()

    async def _call(self, texts: list[str]) -> list[bytes]:
        assert self._index.vectors is not None
        if self.closed:
            raise IndexMismatchError("the index was replaced meanwhile")
        call = asyncio.run_coroutine_threadsafe(self._in_time(texts), self._thread.loop)
        try:
            given = await asyncio.wrap_future(call)
        except EmbeddingTimeoutError:
            raise
        except asyncio.CancelledError as error:
            if self.closed:
                raise IndexMismatchError("the index was replaced meanwhile") from error
            raise EmbeddingError("the embedder was cancelled") from error
        except Exception as error:
            raise EmbeddingError(f"the embedder failed: {type(error).__name__}: {error}") from error
        if not hasattr(given, "__len__") or isinstance(given, (str, bytes)):
            raise EmbeddingShapeError(
                f"the embedder returned {type(given).__name__}, no list of vectors"
            )
        if len(given) != len(texts):
            raise EmbeddingShapeError(
                f"the embedder returned {len(given)} vectors for {len(texts)} texts"
            )
        return [vector_bytes(vector, self._index.vectors) for vector in given]


class Embedder:
    """The embedder of an index, for one store; on the running loop."""

    def __init__(self, index: SearchIndex) -> None:
        embeddings = index.embeddings
        assert embeddings is not None
        self._thread = IoThread("agentstore-embed")
        # Of its own, so that it can be given up while a call hangs in it.
        self._executor = ThreadPoolExecutor(THREADS, "agentstore-embed")
        self._thread.call(self._thread.loop.set_default_executor, self._executor)
        self.documents = _Flow(
            embeddings.aembed_documents, index, self._thread, index.embed_batch_size
        )

        async def embed_query(texts: list[str]) -> list[Any]:
            return [await embeddings.aembed_query(text) for text in texts]

        # Not `embed_documents`: many models embed a question otherwise than a text.
        self.queries = _Flow(embed_query, index, self._thread, 1)

    async def close(self) -> None:
        """Ends the threads; a call that hangs in one is left behind after a while."""
        self.documents.closed = self.queries.closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._thread.call(self._thread.stop)
        loop = asyncio.get_running_loop()
        given_up = loop.time() + LONGEST_GOODBYE_S
        # No thread to wait in: a process that ends starts none.
        while not self._thread.has_ended and loop.time() < given_up:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

"""Embedding of texts: batched over concurrent callers, each text once, away from the I/O loop.

A slow embedder delays only the callers who wait for its vectors. A text is sent at once if there is
room; those that arrive meanwhile make the next batch. A batch that fails is run again in halves
until the failing texts are alone.

The time limit is on a call. A slow model gets smaller batches, and texts of a batch that took too
long are tried again in small ones. A model that does not answer then either is taken to hang.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from .._support.lru import Lru
from ..config.embedders import HOW_FUNCTIONS_ARE_CALLED as HOW
from ..config.embedders import error_text
from ..config.search_index import SearchIndex
from ..errors import AgentStoreError, EmbeddingError, EmbeddingTimeoutError, IndexMismatchError
from ..sql.search.vector_codec import vectors_bytes
from .model_calls import ModelCalls
from .observation import note_wait

REMEMBERED_BYTES = 64 * 1024 * 1024
"""How many bytes of recently used vectors are kept."""

TRIED_AGAIN = 8
"""A batch that took too long is tried again in so many parts."""


_HANGS = " and seems to hang; if it is only slow, raise embed_timeout_s"
_ONE_TEXT = " for one text; if it does not hang, raise embed_timeout_s"


class _Wanted:
    """A text in flight and the number of callers who wait for its vector."""

    __slots__ = ("future", "since", "waiters")

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[bytes] = loop.create_future()
        self.since = loop.time()
        self.waiters = 0


Embed = Callable[[list[str]], Awaitable[Any]]


class _Flow:
    """The queue of one kind of texts, documents or queries, before the embedder."""

    def __init__(self, embed: Embed, calls: ModelCalls, index: SearchIndex) -> None:
        assert index.vectors is not None
        self._embed = embed
        self._calls = calls
        self._index = index
        most = max(100, REMEMBERED_BYTES // (4 * index.vectors.dims + 200))
        self._known: Lru[str, bytes] = Lru(most)
        self._wanted: dict[str, _Wanted] = {}
        self._waiting: list[str] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._size = index.embed_batch_size
        self._silent_since: float | None = None
        self.closed = False

    def recall(self, text: str) -> bytes | None:
        """Return the text's vector if it was asked for recently."""
        return self._known.recall(text)

    def learn(self, text: str, vector: bytes) -> None:
        self._known[text] = vector

    async def vectors(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vector of each text, in order.

        Raises:
            EmbeddingError: the embedder failed with one of them.
        """
        vectors = []
        for outcome in await self.outcomes(texts):
            if isinstance(outcome, Exception):
                raise outcome
            vectors.append(outcome)
        return vectors

    async def outcomes(self, texts: Sequence[str]) -> list[bytes | Exception]:
        """Return the vector of each text, or why there is none, in order."""
        wanted = {text: self._want(text) for text in texts if self.recall(text) is None}
        found: dict[str, bytes | Exception]
        found = {text: self._known[text] for text in texts if text not in wanted}
        self._dispatch()
        try:
            if wanted:
                began = self._now()
                await asyncio.wait([want.future for want in wanted.values()])
                note_wait("model", self._now() - began)
        finally:
            for want in wanted.values():
                want.waiters -= 1
        found.update((text, _vector_or_error(want.future)) for text, want in wanted.items())
        return [found[text] for text in texts]

    def _want(self, text: str) -> _Wanted:
        want = self._wanted.get(text)
        if want is None:
            want = self._wanted[text] = _Wanted()
            # Retrieved here, so that asyncio does not log a failure that nobody waits for.
            want.future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._waiting.append(text)
        want.waiters += 1
        return want

    def _dispatch(self) -> None:
        while self._waiting and len(self._in_flight) < self._calls.width:
            size = self._batch_size()
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            for text in [text for text in batch if not self._wanted[text].waiters]:
                batch.remove(text)
                self._wanted.pop(text).future.cancel()
            if batch:
                task = asyncio.get_running_loop().create_task(self._embed_batch(batch))
                self._in_flight.add(task)
                task.add_done_callback(self._completed)

    def _completed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._dispatch()

    async def _embed_batch(self, batch: Sequence[str]) -> None:
        began = self._now()
        try:
            vectors = await self._call(list(batch))
        except EmbeddingTimeoutError as error:
            await self._took_too_long(batch, error, began)
        except Exception as error:
            hopeless = isinstance(error, IndexMismatchError)
            if len(batch) > 1 and not hopeless and self._calls.embedder is not None:
                middle = len(batch) // 2
                await self._embed_batch(batch[:middle])
                await self._embed_batch(batch[middle:])
                return
            self._fail(batch, error)
        else:
            self._answered(len(batch), self._now() - began)
            for text, vector in zip(batch, vectors, strict=True):
                self.learn(text, vector)
                self._settle(text, vector)

    def _answered(self, texts: int, seconds: float) -> None:
        """Adapt the size of batches, so that their calls end long before the limit."""
        self._silent_since = None
        share = seconds / self._index.embed_timeout_s
        if share > 1 / 2:
            self._size = max(1, texts // 2)
        elif share < 1 / TRIED_AGAIN and texts >= self._size:
            self._size = min(2 * self._size, self._index.embed_batch_size)

    async def _took_too_long(
        self, batch: Sequence[str], error: EmbeddingTimeoutError, began: float
    ) -> None:
        """Let a batch be tried again in parts; fail it if the model hangs, or it is one text."""
        hangs = self._silent_since is not None and began >= self._silent_since
        if self._silent_since is None:
            self._silent_since = self._now()
        if len(batch) > 1 and not hangs:
            hangs = not await self._calls.given_up_ended()
        if len(batch) > 1 and not hangs:
            self._size = min(self._size, max(1, len(batch) // TRIED_AGAIN))
            self._waiting = [*batch, *self._waiting]
            return
        told = EmbeddingTimeoutError(f"{error}{_HANGS if hangs else _ONE_TEXT}")
        self._fail(batch, told)
        if hangs:
            self._give_up_late(told)

    def _fail(self, texts: Iterable[str], error: Exception) -> None:
        for text in texts:
            self._settle(text, error)

    def _give_up_late(self, error: EmbeddingTimeoutError) -> None:
        """Fail the texts that have waited as long as one call may take.

        Otherwise, a model that hangs would let them wait one after the other.
        """
        too_early = self._now() - self._index.embed_timeout_s
        late = {text for text in self._waiting if self._wanted[text].since <= too_early}
        self._waiting = [text for text in self._waiting if text not in late]
        self._fail(late, error)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _settle(self, text: str, outcome: bytes | Exception) -> None:
        future = self._wanted.pop(text).future
        if future.done():
            return
        if isinstance(outcome, bytes):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

    def _batch_size(self) -> int:
        return self._size

    async def _call(self, texts: list[str]) -> list[bytes]:
        assert self._index.vectors is not None
        if self.closed:
            raise IndexMismatchError("the index was replaced meanwhile")
        try:
            given = await self._embed(texts)
        except AgentStoreError:
            raise
        except asyncio.CancelledError as error:
            if self.closed:
                raise IndexMismatchError("the index was replaced meanwhile") from error
            raise EmbeddingError("the embedder was cancelled") from error
        except Exception as error:
            raise EmbeddingError(self._described(error)) from error
        return vectors_bytes(given, len(texts), self._index.vectors)

    def _described(self, error: Exception) -> str:
        """Describe the failure; for a function, also how functions are called."""
        embedder = self._calls.embedder
        if embedder is None:
            return f"the embedder could not be made: {error_text(error)}"
        puzzled = embedder.is_function and isinstance(error, (TypeError, AttributeError))
        failure = f"the embedder failed: {error_text(error, embedder.secrets)}"
        return f"{failure}; {HOW}" if puzzled else failure


class _Questions(_Flow):
    """The queue of queries; one by one if the model embeds them differently from documents."""

    def _batch_size(self) -> int:
        embedder = self._calls.embedder
        alike = embedder is not None and embedder.questions_alike
        return self._size if alike else 1


def _vector_or_error(future: asyncio.Future[bytes]) -> bytes | Exception:
    try:
        return future.result()
    except Exception as error:
        return error


class BatchedEmbedder:
    """The embedder of an index, for one store, on the running loop."""

    def __init__(self, index: SearchIndex) -> None:
        self._calls = calls = ModelCalls(index)
        self.documents = _Flow(calls.documents, calls, index)
        self.queries = _Questions(calls.queries, calls, index)

    def close(self) -> None:
        """Give up what is in flight; a blocking call continues in a thread that is left behind."""
        self.documents.closed = self.queries.closed = True
        self._calls.close()

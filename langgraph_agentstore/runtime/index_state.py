"""The index of an open store: it gives vectors to writes and to queries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ..errors import EmbeddingError, IndexMismatchError, SchemaError
from ..model.text_fields import Part
from ..sql.indexed_content import content_for, plan_known_vectors
from ..sql.statement import ItemId, Put, Query, ResultT, SqlContext, Statement
from .connections.connector import Connection
from .embedding import BatchedEmbedder
from .vector_sets import open_vectors

Known = Callable[[Statement[dict[int, bytes]]], Awaitable[dict[int, bytes]]]


class CurrentIndex:
    """Holds the index that a store searches by, `now`; reindexing replaces it."""

    def __init__(self, now: IndexState) -> None:
        self.now = now
        self._changing: asyncio.Future[None] | None = None

    async def do(self, work: Callable[[IndexState], Awaitable[ResultT]]) -> ResultT:
        """Do the work by the current index; do it again if the index was replaced meanwhile."""
        while True:
            index_state = self.now
            try:
                return await work(index_state)
            except IndexMismatchError:
                if self._changing is not None:
                    await asyncio.wait([self._changing])
                if self.now is index_state:
                    raise

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let callers who find the old index gone wait for the end of the block."""
        self._changing = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._changing.set_result(None)
            self._changing = None


class IndexState:
    """The SQL context of an open store's index, and its embedder.

    `problem` says why vectors cannot be used, if so; every operation that needs them raises it.
    """

    def __init__(self, context: SqlContext, problem: SchemaError | None) -> None:
        self.context = context
        self.problem = problem
        index = context.index
        has_model = index is not None and index.embedder is not None
        self.embedder = BatchedEmbedder(index) if index is not None and has_model else None

    async def open(self, connection: Connection) -> None:
        """Read again which set of vectors is in use."""
        self.context, self.problem = await open_vectors(connection, self.context)

    async def embed(self, put: Put, known: Known) -> None:
        """Set the vectors of a put.

        Raises:
            EmbeddingError: the embedder failed; the message names the item.
            SchemaError: the vectors stored are not of this index, or there can be none.
        """
        self.refit(put)
        if not put.pending:
            return
        texts = _texts_of(put)
        if self.problem is not None:
            raise self.problem
        assert self.embedder is not None
        documents = self.embedder.documents
        if any(documents.recall(text) is None for text in texts):
            stored = await known(plan_known_vectors(put.item_id, self.context))
            for part in _parts_of(put):
                if part.digest in stored:
                    documents.learn(part.text, stored[part.digest])
        try:
            put.vectors = await documents.vectors(texts)
        except EmbeddingError as error:
            raise _naming(put.item_id, error) from (error.__cause__ or error)

    async def embed_all(self, puts: Sequence[Put]) -> None:
        """Set the vectors of those puts that have none yet."""
        for put in puts:
            self.refit(put)
        waiting = [put for put in puts if put.pending]
        if not waiting:
            return
        if self.problem is not None:
            raise self.problem
        found = await self.vectors([(put.item_id, _texts_of(put)) for put in waiting])
        for put, vectors in zip(waiting, found, strict=True):
            put.vectors = vectors

    async def vectors(self, items: Sequence[tuple[ItemId, list[str]]]) -> list[list[bytes]]:
        """Return the vectors of each item's texts; there is no limit for the whole.

        Raises:
            EmbeddingError: the embedder failed; the message names the first item concerned.
        """
        assert self.embedder is not None
        texts = [text for _, texts in items for text in texts]
        outcomes = iter(await self.embedder.documents.outcomes(texts))
        return [
            [_vector(item_id, outcome) for outcome in islice(outcomes, len(texts))]
            for item_id, texts in items
        ]

    async def statement_of(self, query: Query[Any]) -> Statement[object]:
        """Embed the text of a query and return the statement of its search."""
        if query.text is None:
            return query.statement(self.context, None)
        if self.problem is not None:
            raise self.problem
        assert self.embedder is not None
        (vector,) = await self.embedder.queries.vectors([query.text])
        return query.statement(self.context, vector)

    def refit(self, put: Put) -> None:
        """Set what the put is found by in this index; it may have been planned for another one."""
        if self.context.index is None:
            return
        content = content_for(put, self.context)
        if content is not put.content:
            put.content, put.vectors = content, None

    async def close(self) -> None:
        if self.embedder is not None:
            self.embedder.close()


def _vector(item_id: ItemId, outcome: bytes | Exception) -> bytes:
    if isinstance(outcome, EmbeddingError):
        raise _naming(item_id, outcome) from (outcome.__cause__ or outcome)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _naming(item_id: ItemId, error: EmbeddingError) -> EmbeddingError:
    place = f"key {item_id[2]!r} of namespace {item_id[1]!r}"
    return type(error)(f"{place}: {error}; nothing of it was written")


def _parts_of(put: Put) -> tuple[Part, ...]:
    return () if put.content is None else put.content.parts


def _texts_of(put: Put) -> list[str]:
    return [part.text for part in _parts_of(put)]

"""Questions to both stores, one after the other; and how good the answers are."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore
from numpy.typing import NDArray
from typing_extensions import override

from langgraph_agentstore.config.index import LARGEST_INLINE_VECTOR

LIMIT = 10
QUALITY_HEADINGS = ("rows, ours", "other", "recall, ours", "other")

# Cosine distances that differ by less are a tie: of numbers of 16 bits not more is known.
_TIE = 2e-5
_MARK = "#"
_serial = count()


class Lookup(Embeddings):
    """The embedder of both: it looks up the vector of a text, whatever follows a `#` in it."""

    def __init__(self, vectors: Mapping[str, list[float]]) -> None:
        self.vectors = vectors

    @override
    def embed_query(self, text: str) -> list[float]:
        return self.vectors[text.partition(_MARK)[0]]

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    # Without a thread, which the inherited ones would use.
    @override
    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)

    @override
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)


def our_index(dims: int, embed: Embeddings) -> dict[str, Any]:
    """Return the index that everyone gets by default."""
    return {"dims": dims, "embed": embed, "fields": ["text"]}


def their_index(dims: int, embed: Embeddings) -> dict[str, Any]:
    """Return HNSW with its defaults; above 2,000 dimensions only `halfvec` can be indexed."""
    kind = "vector" if dims <= LARGEST_INLINE_VECTOR else "halfvec"
    return {**our_index(dims, embed), "ann_index_config": {"kind": "hnsw", "vector_type": kind}}


@dataclass(frozen=True, slots=True)
class Question:
    """A search; `text` is what the vector is looked up by, `field` has to be true."""

    namespace: tuple[str, ...]
    text: str
    field: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `search`; the text is another one each time."""
        filter = None if self.field is None else {self.field: True}
        return {"query": f"{self.text}{_MARK}{next(_serial)}", "filter": filter, "limit": LIMIT}


@dataclass(frozen=True, slots=True)
class Answer:
    """The keys that were found, and after how many seconds."""

    keys: tuple[str, ...]
    seconds: float

    @property
    def numbers(self) -> list[int]:
        """The numbers of the items within their namespace."""
        return [int(key.rpartition("-")[2]) for key in self.keys]


Questions: TypeAlias = Sequence[Question]


def ask(store: BaseStore, questions: Questions) -> list[Answer]:
    """Search by one question after the other."""
    answers = []
    for question in questions:
        began = time.perf_counter()
        found = store.search(question.namespace, **question.arguments())
        seconds = time.perf_counter() - began
        answers.append(Answer(tuple(item.key for item in found), seconds))
    return answers


async def aask(store: BaseStore, questions: Questions) -> list[Answer]:
    """Async form of `ask`."""
    answers = []
    for question in questions:
        began = time.perf_counter()
        found = await store.asearch(question.namespace, **question.arguments())
        seconds = time.perf_counter() - began
        answers.append(Answer(tuple(item.key for item in found), seconds))
    return answers


def median_seconds(answers: Sequence[Answer]) -> float:
    """Return the median latency."""
    return median(answer.seconds for answer in answers)


@dataclass(frozen=True, slots=True)
class Quality:
    """`complete`: rows that came, of min(limit, matches). `recall`: of the nearest, how many."""

    complete: float
    recall: float


def quality_of(
    answers: Sequence[Sequence[int]], distances: Sequence[NDArray[np.float64]]
) -> Quality:
    """Return the mean over queries.

    `answers`: the numbers of the items found, for each query. `distances`: (size,) for each
    query, of all items in scope, infinite where one does not match.
    """
    scores = [_score(*pair) for pair in zip(answers, distances, strict=True)]
    complete, recall = np.mean(scores, axis=0)
    return Quality(float(complete), float(recall))


def _score(answer: Sequence[int], distances: NDArray[np.float64]) -> tuple[float, float]:
    wanted = min(LIMIT, int(np.isfinite(distances).sum()))
    if not wanted:
        return 1.0, 1.0
    farthest = np.partition(distances, wanted - 1)[wanted - 1]
    found = distances[sorted(set(answer))]
    return int(np.isfinite(found).sum()) / wanted, int((found <= farthest + _TIE).sum()) / wanted

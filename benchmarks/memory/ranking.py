"""The formulas by which turns are ranked, in numpy, with a switch for each technique.

A turn's score, with all of them:

    S = covered · BM25 / weights of the question's words
        + vectors · (cosine − low) / (best − low) + length · min(words, 20) / 20
    S + thread · best S of the thread + speaker, if the turn is of the person asked about

BM25 is over a turn's own words and a share of its neighbors'. Without `covered`, it is divided by
the best turn's. See decision 0027.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[Any]
Lists: TypeAlias = Literal["words", "vectors", "ranks", "scores"]

POOL = 250
"""The nearest turns that have a score by vectors."""

RANKS = 25
"""The length of the lists that are fused by rank, as in 0.1.0."""

_RANK_CONSTANT = 60
_FEW_WORDS = 40
_LONG_ENOUGH = 20

NEIGHBORS = ((1, 0.5), (2, 0.25), (-1, 0.35), (-2, 0.15))
"""Distances to a neighbor in turns before, and the share that its words count."""


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a turn with their frequencies, those of its ends, and who speaks in it."""

    thread: str
    words: Mapping[str, int]
    head: frozenset[str]
    tail: frozenset[str]
    speakers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its words, its text and its embedding."""

    words: Sequence[str]
    text: str
    vector: Numbers


@dataclass(frozen=True, slots=True)
class Ranking:
    """Which techniques are on, and their weights; 0 or nothing for off."""

    lists: Lists = "scores"
    covered: float = 1.25
    vectors: float = 0.8
    k1: float = 1.2
    b: float = 0.4
    neighbors: Sequence[tuple[int, float]] = NEIGHBORS
    length: float = 0.6
    thread: float = 0.15
    speaker: float = 0.3


@dataclass
class Turns:
    """The turns of one memory, by thread and time; `vectors` has a row of length 1 for each."""

    texts: Sequence[Text]
    vectors: Numbers
    _thread: Numbers = field(init=False)
    _counts: Numbers = field(init=False)
    _known: dict[Any, Numbers] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        numbers: dict[str, int] = {}
        threads = [numbers.setdefault(text.thread, len(numbers)) for text in self.texts]
        self._thread = np.array(threads)
        self._counts = np.array([sum(text.words.values()) for text in self.texts], dtype=float)

    @cached_property
    def _holding(self) -> dict[str, list[int]]:
        holding: dict[str, list[int]] = {}
        for number, text in enumerate(self.texts):
            for word in text.words:
                holding.setdefault(word, []).append(number)
        return holding

    @cached_property
    def speakers(self) -> frozenset[str]:
        """Everybody who speaks."""
        return frozenset().union(*(text.speakers for text in self.texts))

    def best(self, asked: Asked, ranking: Ranking, depth: int) -> list[int]:
        """Return the numbers of the best turns, best first."""
        scores = self.scores(asked, ranking)
        return [int(number) for number in np.argsort(-scores, kind="stable")[:depth]]

    def scores(self, asked: Asked, ranking: Ranking) -> Numbers:
        """Return the score of each turn."""
        words, vectors = self._words(asked, ranking), self._similarities(asked)
        if ranking.lists == "ranks":
            return _by_rank(words) + _by_rank(vectors)
        scores = np.zeros(len(self.texts))
        if ranking.lists != "vectors" and words.max() > 0:
            scores = self._divided(words, asked, ranking)
        if ranking.lists != "words":
            scores = scores + ranking.vectors * _scaled(vectors)
        scores = scores + ranking.length * np.minimum(self._counts, _LONG_ENOUGH) / _LONG_ENOUGH
        if ranking.thread:
            best = np.full(self._thread.max() + 1, -np.inf)
            np.maximum.at(best, self._thread, scores)
            scores = scores + ranking.thread * best[self._thread]
        if ranking.speaker:
            scores = scores + ranking.speaker * self._of_the_person(asked.text)
        return scores

    def _divided(self, words: Numbers, asked: Asked, ranking: Ranking) -> Numbers:
        """Return BM25 by the weights of all words asked for, or by the best turn's."""
        if not ranking.covered:
            shares: Numbers = words / words.max()
            return shares
        shares = words / sum(self._idf(word) for word in asked.words)
        return ranking.covered * shares

    def _idf(self, word: str) -> float:
        size, having = len(self.texts), len(self._holding.get(word, ()))
        return float(np.log(1 + (size - having + 0.5) / (having + 0.5)))

    def _words(self, asked: Asked, ranking: Ranking) -> Numbers:
        """Return BM25, which many rankings share."""
        how = tuple(asked.words), ranking.k1, ranking.b, tuple(ranking.neighbors)
        if how not in self._known:
            self._known[how] = self._bm25(asked, ranking)
        return self._known[how]

    def _bm25(self, asked: Asked, ranking: Ranking) -> Numbers:
        size, mean = len(self.texts), max(self._counts.mean(), 1.0)
        scores = np.zeros(size)
        norm = ranking.k1 * (1 - ranking.b + ranking.b * self._counts / mean)
        clipped = np.minimum(1, _FEW_WORDS / np.maximum(self._counts, 1))
        for word in asked.words:
            holding = self._holding.get(word)
            if holding is None:
                continue
            frequency = np.zeros(size)
            frequency[holding] = [self.texts[number].words[word] for number in holding]
            frequency += clipped * self._passed(word, holding, ranking)
            saturated = frequency * (ranking.k1 + 1) / (frequency + norm)
            scores += self._idf(word) * saturated
        return scores

    def _passed(self, word: str, holding: Sequence[int], ranking: Ranking) -> Numbers:
        """Return how much of a word each turn has from its neighbors' ends."""
        passed = np.zeros(len(self.texts))
        for distance, share in ranking.neighbors:
            for number in holding:
                end = self.texts[number].tail if distance > 0 else self.texts[number].head
                to = number + distance
                inside = 0 <= to < len(passed) and self._thread[to] == self._thread[number]
                if word in end and inside:
                    passed[to] += share
        return passed

    def _similarities(self, asked: Asked) -> Numbers:
        similarities: Numbers = self.vectors @ asked.vector
        return similarities

    def _of_the_person(self, question: str) -> Numbers:
        """Return 1 for turns of the one known speaker that a question names, else 0."""
        named = [name for name in self.speakers if _names(question, name)]
        if len(named) != 1:
            return np.zeros(len(self.texts))
        return np.array([float(named[0] in text.speakers) for text in self.texts])


def _names(question: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question, re.IGNORECASE) is not None


def _scaled(similarities: Numbers) -> Numbers:
    """Return from 0 for the worst turn to 1 for the nearest; 0 behind the pool."""
    low, high = similarities.min(), similarities.max()
    scaled = (similarities - low) / (high - low) if high > low else np.ones(len(similarities))
    if len(similarities) > POOL:
        scaled[np.argsort(-similarities, kind="stable")[POOL:]] = 0
    return scaled


def _by_rank(scores: Numbers) -> Numbers:
    order = np.argsort(-scores, kind="stable")[:RANKS]
    fused = np.zeros(len(scores))
    fused[order] = 1 / (_RANK_CONSTANT + 1 + np.arange(len(order)))
    return np.where(scores > 0, fused, 0)


def counted(words: Sequence[str], frequencies: Sequence[int]) -> Mapping[str, int]:
    """Return words with their frequencies."""
    return Counter(dict(zip(words, frequencies, strict=True)))

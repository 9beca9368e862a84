"""How alike texts are by their letters and words, for stores that measure no similarity.

What most texts have in common counts least: facts about one person all begin with "The user".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import log

from ..model.bigrams import spaced

_WORD = re.compile(r"\w+")
_SYNTAX = re.compile(r'["＂]|(?<!\S)[-－]+')
_LETTERS = 3


def likenesses(text: str, others: Sequence[str]) -> list[float]:
    """Return how alike a text and each of the others are, from 0 to 1.

    The measure is Dice's coefficient of the groups of three letters, as in `pg_trgm`, so that
    "allergic" and "allergy" are alike. Each group has the weight of its rarity in the others.
    """
    own, theirs = letter_groups(text), [letter_groups(other) for other in others]
    rarity = _Rarity(theirs)
    return [
        2 * rarity.of(own & groups) / max(rarity.of(own) + rarity.of(groups), 1e-9)
        for groups in theirs
    ]


def best_by_words(query: str, texts: Sequence[str]) -> list[int]:
    """Return the positions of the texts that share words with a query, best first.

    Texts that are equally good keep their order.
    """
    asked, words = word_set(query), [word_set(text) for text in texts]
    rarity = _Rarity(words)
    scores = [rarity.of(asked & each) for each in words]
    found = [position for position, score in enumerate(scores) if score > 0]
    return sorted(found, key=lambda position: -scores[position])


def without_query_syntax(text: str) -> str:
    """Return a text in which no quote requires a phrase, and no minus excludes a word."""
    return _SYNTAX.sub(" ", text)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text without case; in scripts without spaces, pairs of characters."""
    return frozenset(_WORD.findall(spaced(text).casefold()))


def letter_groups(text: str) -> frozenset[str]:
    """Return all groups of three letters within the words of a text; a space is a word's end."""
    padded = (f" {word} " for word in _WORD.findall(text.casefold()))
    return frozenset(
        word[start : start + _LETTERS]
        for word in padded
        for start in range(len(word) - _LETTERS + 1)
    )


class _Rarity:
    """Weights of features by the number of texts that have them."""

    def __init__(self, texts: Sequence[Collection[str]]) -> None:
        self._count = len(texts)
        self._texts_with = Counter(feature for text in texts for feature in text)

    def of(self, features: Iterable[str]) -> float:
        """Return the weight of some features together."""
        return sum(log((self._count + 1.5) / (self._texts_with[each] + 0.5)) for each in features)

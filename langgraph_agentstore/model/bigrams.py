"""Word search in scripts without spaces: Chinese, Japanese, Thai and others.

Postgres splits words at spaces, so a Chinese sentence is one word to it. Here each run of such a
script becomes its overlapping pairs of characters (bigrams) and its last character. So every
character begins exactly one word: a query of several characters is found by its pairs, a query of
one character by the words that begin with it. Korean has spaces, but joins particles to words;
pairs find its stems too.

A character is a letter with its combining marks. Texts and queries are normalised (NFKC) first, so
that full-width letters, half-width kana and composed letters are equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

VERSION = 3
"""Of the words that a text has; whatever changes them must change it, so that `reindex` sees it.

2: turns have labels, and words of their speakers.
3: names in code are words of their own; see `identifiers.py`.
"""

_CHINESE_JAPANESE = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u3099\u309a"
    "\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua000-\ua48c\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_KOREAN = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb"
# Unicode's class "complex context" of line breaking, without its punctuation: Thai, Lao, Burmese,
# Khmer, Tai Le, New Tai Lue, Tai Tham, Tai Viet, Ahom.
_SOUTH_EAST_ASIAN = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0eff\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
    "\u17d7\u17dc\u17dd\u17e0-\u17e9\u1950-\u1974\u1980-\u19da\u1a20-\u1a99\ua9e0-\ua9fe"
    "\uaa60-\uaa7f\uaa80-\uaadd\U00011700-\U0001173b"
)
_LETTER = _CHINESE_JAPANESE + _KOREAN + _SOUTH_EAST_ASIAN
_MARK = "\u0300-\u036f\u20d0-\u20f0\u302a-\u302f"
# They show where a line may break, or which form a letter has; no word differs by them.
_INVISIBLE = "\u00ad\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef"

_RUN = re.compile(f"([{_LETTER}][{_LETTER}{_MARK}{_INVISIBLE}]*)")
_INVISIBLES = re.compile(f"[{_INVISIBLE}]")
_EDGES = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query: a word between spaces, or a pair of characters.

    `alone`: a single character, which matches the words that begin with it. `last`: for a pair
    that overlaps the one before it, the character that it adds; else empty.
    """

    text: str
    alone: bool = False
    last: str = ""


def spaced(text: str) -> str:
    """Return the text in the form that text search reads."""
    if text.isascii():
        return text
    return "".join(_spaced_pieces(_RUN.split(unicodedata.normalize("NFKC", text))))


def query_words(text: str) -> tuple[QueryWord, ...]:
    """Return the words of a query in order."""
    words: list[QueryWord] = []
    for number, piece in enumerate(_RUN.split(unicodedata.normalize("NFKC", text))):
        if number % 2 == 0:
            words.extend(QueryWord(word) for word in piece.split())
        else:
            words.extend(_words_of_run(_characters(piece)))
    return tuple(words)


def last_characters(text: str) -> tuple[str, ...]:
    """Return the single characters among the words of `spaced(text)`."""
    runs = _RUN.findall(unicodedata.normalize("NFKC", text))
    return tuple(dict.fromkeys(_characters(run)[-1] for run in runs))


def words_at(words: Sequence[QueryWord], positions: Iterable[int]) -> tuple[str, ...]:
    """Return the words at these positions as they stood in the query.

    Positions start at 1 and ascend. Overlapping pairs are joined.
    """
    found: list[str] = []
    before = 0
    for position in positions:
        word = words[position - 1]
        if word.last and before == position - 1:
            found[-1] += word.last
        else:
            found.append(_EDGES.sub("", word.text) or word.text)
        before = position
    return tuple(dict.fromkeys(found))


def _spaced_pieces(split: Sequence[str]) -> Iterable[str]:
    for number, piece in enumerate(split):
        if number % 2 == 0:
            yield piece
        else:
            characters = _characters(piece)
            yield f" {' '.join(_pairs(characters))} {characters[-1]} "


def _words_of_run(characters: Sequence[str]) -> Iterable[QueryWord]:
    if len(characters) == 1:
        yield QueryWord(characters[0], alone=True)
    for number, pair in enumerate(_pairs(characters)):
        yield QueryWord(pair, last=characters[number + 1] if number else "")


def _pairs(characters: Sequence[str]) -> list[str]:
    return [a + b for a, b in pairwise(characters)]


def _characters(run: str) -> list[str]:
    characters: list[str] = []
    for letter in _INVISIBLES.sub("", run):
        if characters and unicodedata.category(letter).startswith("M"):
            characters[-1] += letter
        else:
            characters.append(letter)
    return characters

"""Word search of names in code: `parse_rows` is more than a form of "parse" and "row".

Postgres parts words at underscores, ignores capitals and stems what is left. So `parse_rows`,
`parse_row` and "parsing rows" have the same words. Here each such name is one word more, which is
not stemmed: it has a digit, and Postgres takes such words as they are in all languages. These words
stand behind the text, so that phrases of it stay together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

_IDENTIFIER = re.compile(
    r"\b(?=\w*?(?:[^\W_]_+[^\W_]|[a-z][A-Z]|[A-Z]{2}[a-z]{2}))[^\W\d]\w{,99}\b"
)
"""A word with an underscore or a capital inside. Longer ones are data."""

MOST_IDENTIFIERS = 2_000
"""Of a text; Postgres takes a megabyte of words."""

_BEGIN = "i0"


def with_identifiers(text: str) -> str:
    """Return the text, as `bigrams.spaced` returns it, and a word for each identifier in it."""
    names = islice(_IDENTIFIER.finditer(text), MOST_IDENTIFIERS)
    words = " ".join(_word_of(name[0]) for name in names)
    return f"{text}\n{words}" if words else text


def as_written(words: Iterable[str], text: str) -> tuple[str, ...]:
    """Return lexemes with the identifiers of a text in place of their words, each once."""
    written = {_word_of(name): name for name in _IDENTIFIER.findall(text)}
    return tuple(dict.fromkeys(written.get(word, word) for word in words))


def _word_of(identifier: str) -> str:
    return _BEGIN + identifier.lower().replace("_", "0")

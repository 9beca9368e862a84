"""The searched text of a conversation's turn: its ends, and who speaks.

A search counts words near a turn's beginning and end for its neighbors as well: see
`conversations/turn_search_sql.py`. So the words of a turn are stored with labels. A word that
stands only in the head of the text (its first `END` characters) has the label A, only in the tail
B, in neither C. A word without a label stands in both, as in every text of at most `END`
characters. Each speaker is one word more, `@` and the name, which no text contains.

The client marks where the pieces of a text begin, and the statement that writes the words labels
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .identifiers import with_identifiers

PIECE_MARK = "\x1d"
"""Separates the pieces of a marked text; it is taken out of every other searched text."""

END = 250
"""Characters of the head and of the tail."""

CONTEXT_PATH = "context[*]"
"""The path by which turns are indexed."""

LONGEST_SPEAKER = 40
"""Characters of a name before a colon. Of a message's name, this many are searched."""

_TEXTS = ("query", "response", "thread_id", "timestamp")
_SPEAKER = re.compile(r"([^\W\d_][^\s:：]*(?: [^\W\d_][^\s:：]*){0,2})[:：]\s*\S")
_SPACE = re.compile(r"[ \n\t]")


def is_turn(value: Any) -> bool:
    """Return whether a value is a turn that `conversations` saved."""
    return (
        isinstance(value, Mapping)
        and all(isinstance(value.get(name), str) for name in _TEXTS)
        and isinstance(value.get("context"), list)
    )


def own_text(value: Mapping[str, Any]) -> list[str]:
    """Return the text that a turn is found by: behind its day, and the names of its messages.

    Turns of 0.1.0 have no names there, and a second text, of neighbors.
    """
    return [_with_names(text, value) for text in value["context"][:1] if isinstance(text, str)]


def _with_names(text: str, value: Mapping[str, Any]) -> str:
    names = ", ".join(_named_speakers(value))
    day, _, said = text.partition(": ")
    return f"{day}: {names}: {said}" if names and not said.startswith(f"{names}: ") else text


def speakers_of(value: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of those who speak in a turn: of its messages, or before a colon."""
    if named := _named_speakers(value):
        return named
    texts = (value.get("query"), value.get("response"))
    found = (named_before(text) for text in texts if isinstance(text, str))
    return tuple(dict.fromkeys(name for name in found if name))


def _named_speakers(value: Mapping[str, Any]) -> tuple[str, ...]:
    named = value.get("speakers")
    if not isinstance(named, list):  # a turn of 0.1.0, or without names
        return names_of(value.get("messages"))
    return tuple(name for name in named if isinstance(name, str) and name.strip())


def names_of(documents: object) -> tuple[str, ...]:
    """Return the names of stored messages, each once, in the order in which they speak."""
    each = documents if isinstance(documents, Sequence) else ()
    found = (
        one["data"].get("name")
        for one in each
        if isinstance(one, Mapping)
        and one.get("type") in ("human", "ai")
        and isinstance(one.get("data"), Mapping)
    )
    return tuple(dict.fromkeys(name for name in found if isinstance(name, str) and name.strip()))


def named_before(text: str) -> str | None:
    """Return the speaker of a text such as "Mary Ann: I went", or None."""
    match = _SPEAKER.match(text)
    if match is None or len(match[1]) > LONGEST_SPEAKER:
        return None
    return match[1] if not any(word[0].islower() for word in match[1].split()) else None


def speaker_word(name: str) -> str:
    """Return the word by which turns of a speaker are found."""
    return f"@{' '.join(name.lower().replace(PIECE_MARK, ' ').split())[:LONGEST_SPEAKER]}"


def marked_text(text: str, speakers: Sequence[str]) -> str:
    """Return the text in pieces: speakers, head, both ends, neither, tail.

    Its first piece lists the speakers' words, by lines. A short text without speakers is not cut.
    `text` is in the form that text search reads, so that a cut parts no pair of characters.
    """
    if len(text) <= END and not speakers:
        return with_identifiers(text)
    names = "\n".join(dict.fromkeys(map(speaker_word, speakers)))
    return PIECE_MARK.join((names, *map(with_identifiers, _pieces(text))))


def _pieces(text: str) -> tuple[str, str, str, str]:
    """Return the parts of a text: in the head alone, in both ends, in neither, in the tail."""
    if len(text) <= END:
        return "", text, "", ""
    # Cut between words. Without white space, an end is empty.
    head = max(text.rfind(white, 0, END + 1) for white in (" ", "\n", "\t"))
    last = _SPACE.search(text, len(text) - END)
    head, tail = max(head, 0), len(text) if last is None else last.start()
    if head <= tail:
        return text[:head], "", text[head:tail], text[tail:]
    return text[:tail], text[tail:head], "", text[head:]

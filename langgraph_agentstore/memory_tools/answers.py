"""What the tools tell the model: short texts, however much is stored.

Memories are quoted as JSON strings, one on a line, so none can pretend to be another or to be
words of the tool.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from .fact import earlier_texts
from .fact_store import StoredFact

ANSWER_CHARACTERS: Final = 8_000
"""Characters that the memories of an answer have at most, give or take the first of them."""

FACT_CHARACTERS: Final = 2_000
"""Characters of one fact: some 500 tokens, which most embedders read."""

SHOWN_CHARACTERS: Final = 200
"""Characters of a key or a thread id."""


def listing(facts: Sequence[StoredFact], limit: int) -> str:
    """Return the facts, each on a line, as many as fit."""
    lines = list(_fitting(map(line_of, facts[:limit])))
    left = len(facts) - len(lines)
    return "\n".join([*lines, *([f"({left} more are not shown)"] if left else [])])


def line_of(fact: StoredFact) -> str:
    """Return a fact on a line: its key, its text, the day it was written, and its thread."""
    at = fact.value.get("updated_at")
    day = (at if isinstance(at, str) else fact.updated_at.isoformat())[:10]
    known = [day]
    thread_id = fact.value.get("thread_id")
    if isinstance(thread_id, str):
        known.append(f"thread {quoted(thread_id)}")
    if earlier := len(earlier_texts(fact.value)):
        known.append(f"replaced {earlier} earlier")
    key = quoted(fact.key)
    return f"- key {key}: {quoted(fact.text, FACT_CHARACTERS)} ({', '.join(known)})"


def quoted(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Return a text as a JSON string on one line, cut where it is long."""
    cut = text if len(text) <= most else f"{text[:most]}… (cut)"
    # JSON leaves the other line ends of Unicode as they are, and signs that nobody sees.
    written = json.dumps(cut, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in written)


def _fitting(lines: Iterable[str]) -> Iterable[str]:
    left = ANSWER_CHARACTERS
    for number, line in enumerate(lines):
        left -= len(line)
        if left < 0 and number:
            return
        yield line

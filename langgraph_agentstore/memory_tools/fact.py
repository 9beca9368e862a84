"""A fact as it is stored: its text, where it came from, and the texts that it replaced.

    {"content": "The user lives in Paris.",
     "thread_id": "monday", "message_id": "…",
     "saved_at": "2026-01-31T12:00:00+00:00", "updated_at": "2026-02-01T08:30:00+00:00",
     "previous": [{"content": "The user lives in Rome.", "thread_id": …, "updated_at": …}]}

`thread_id`, `message_id` and `updated_at` belong to the text in `content`; each earlier text keeps
its own. `thread_id` and `message_id` are left out where they are unknown. Other programs may store
facts too: all that they must have is a `content`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

KEY_CHARACTERS: Final = 12
MOST_PREVIOUS: Final = 10
"""Earlier texts that a fact keeps; the oldest go first."""

SEARCHED: Final = ("content",)
"""The field by which a fact is found: nobody finds it by a text that it no longer has."""

_OF_A_TEXT: Final = ("content", "thread_id", "message_id", "updated_at")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and when a text was said; None where that is unknown."""

    at: datetime
    thread_id: str | None = None
    message_id: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields of a fact that tell its origin."""
        known = {"thread_id": self.thread_id, "message_id": self.message_id}
        said = {name: value for name, value in known.items() if value is not None}
        return {**said, "updated_at": self.at.isoformat()}


def key_of_fact(content: str, number: int = 0) -> str:
    """Return the key of a new fact.

    Equal texts have equal keys, so two writers at once cannot store a text twice. `number` counts
    the keys that are taken by facts whose text has changed since.
    """
    return sha256(f"{number}\n{content}".encode()).hexdigest()[:KEY_CHARACTERS]


def new_fact(content: str, origin: Origin) -> dict[str, Any]:
    """Return the value of a fact that was just said."""
    return {
        "content": content,
        **origin.fields(),
        "saved_at": origin.at.isoformat(),
        "previous": [],
    }


def changed_fact(
    before: Mapping[str, Any], content: str, origin: Origin, written_at: datetime
) -> dict[str, Any]:
    """Return the value with another text; the one before goes to `previous`.

    `written_at`: the time of the text before, where its value does not tell.
    """
    replaced = {"updated_at": written_at.isoformat(), **_text_with_origin(before)}
    kept = {name: value for name, value in before.items() if name not in _OF_A_TEXT}
    previous = [*earlier_texts(before), replaced][-MOST_PREVIOUS:]
    return {**kept, "content": content, **origin.fields(), "previous": previous}


def fact_without_thread(value: Mapping[str, Any], thread_id: str) -> dict[str, Any] | None:
    """Return the fact as if a thread had never been; None if nothing else said it.

    The latest text of another thread takes the place of the thread's.
    """
    texts = [*earlier_texts(value), _text_with_origin(value)]
    left = [text for text in texts if text.get("thread_id") != thread_id]
    if not left:
        return None
    kept = {name: of for name, of in value.items() if name not in (*_OF_A_TEXT, "previous")}
    *previous, current = left
    return {**kept, **current, "previous": previous}


def is_of_thread(value: Mapping[str, Any], thread_id: str) -> bool:
    """Return whether a text of the fact came from a thread, the current one or an earlier one."""
    return any(text.get("thread_id") == thread_id for text in (value, *earlier_texts(value)))


def earlier_texts(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the texts that the fact had before, oldest first."""
    previous = value.get("previous")
    if not isinstance(previous, list):
        return []
    return [text for text in previous if isinstance(text, dict)]


def text_of_fact(value: Mapping[str, Any]) -> str:
    """Return the text of a fact; the JSON of a `content` that is no text, or of other values."""
    content = value.get("content", value)
    if isinstance(content, dict) and content.keys() == {"content"}:
        content = content["content"]  # langmem's manager writes a memory so.
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _text_with_origin(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in _OF_A_TEXT if name in value}

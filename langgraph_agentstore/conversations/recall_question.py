"""The user's message that recalls, and what its thread holds already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from .recall_block import on_one_line
from .stored_messages import is_recalled
from .turns import Turn, last_turn


@dataclass(frozen=True, slots=True)
class Question:
    """A user's message, and what its thread holds already, which is not recalled again.

    `only_thread_id`: the thread to recall from; None for all but the question's own.
    """

    text: str
    thread_id: str | None = None
    only_thread_id: str | None = None
    is_first_turn: bool = True
    known_ids: frozenset[str] = frozenset()
    known_texts: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, messages: Sequence[BaseMessage], thread_id: str | None, only_thread_id: str | None
    ) -> Question:
        """Return the question of a thread with these messages: what people said last."""
        said = [m for m in messages if m.type != "system" and not is_recalled(m)]
        last = last_turn(said)
        return cls(
            "\n".join(m.text for m in last if m.type == "human"),
            thread_id,
            only_thread_id,
            len(said) <= len(last),
            frozenset(m.id for m in said if m.id is not None),
            frozenset(on_one_line(m.text) for m in said if m.text),
        )

    def has_in_its_thread(self, turn: Turn) -> bool:
        """Tell whether the thread of the question holds a turn already."""
        if turn.thread_id == self.thread_id:
            return True
        ids = [
            one["data"].get("id")
            for one in turn.stored_messages or ()
            if one.get("type") in ("human", "ai") and isinstance(one.get("data"), dict)
        ]
        if ids and all(one in self.known_ids for one in ids):
            return True
        return all(on_one_line(text) in self.known_texts for text in words_said(turn))


def words_said(turn: Turn) -> list[str]:
    """Return what was asked and what was answered in a turn."""
    return [text for text in (turn.query, turn.response) if text.strip()]

"""What a search of turns asks for, and the speakers whom it may name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from ..model.turn_text import speaker_word

MOST_NAMES = 200
"""Of the sequences of words in a query, so many are looked up as speakers."""


@dataclass(frozen=True, slots=True)
class TurnQuery:
    """A search of turns: one user's, in all threads, in `thread_id`, or in all but another one.

    `since` and `until` are the window of time: from the one on, before the other. `min_similarity`
    and `min_relevance` drop turns below them.
    """

    query: str
    limit: int
    thread_id: str | None = None
    except_thread_id: str | None = None
    min_similarity: float | None = None
    min_relevance: float | None = None
    since: datetime | None = None
    until: datetime | None = None


def names_in(query: str) -> list[str]:
    """Return the words of all speakers that a query may name: of up to three words in sequence."""
    words = [re.sub(r"['’]s$", "", word.strip("\"'“”‘’.,;:!?()[]")) for word in query.split()]
    names = (
        speaker_word(" ".join(words[first : first + length]))
        for length in (1, 2, 3)
        for first in range(len(words) - length + 1)
    )
    return [name for name in dict.fromkeys(names) if name != "@"][:MOST_NAMES]

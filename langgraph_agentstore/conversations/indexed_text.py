"""The texts by which a turn is found, and the turn before it in stores that need to know it.

The words of a question often occur in the turn next to the answer: "Where did it go?" and then "To
the vet". An `AgentStore` counts the words of neighbors when it searches: see `turn_search_sql.py`.
Other stores cannot. There, a turn is also indexed behind the end of the previous turn, and stores
its key, `previous`. A search credits that turn with half of this turn's score. Turns of the best
thread and of the speaker whom the query names gain as they do in an `AgentStore`. Saved turns are
never rewritten.

Decision 0027 has the gain in recall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..model.turn_text import speaker_word
from ..store.step_driver import Steps
from .storable_json import LOST, clean_text
from .turn_query import names_in
from .turn_scores import TurnScores
from .turn_search_sql import SPEAKER, THREAD
from .turns import Turn

CREDITED_MATCHES = 50
"""The matches of a search that are credited with their scores."""

LONGEST_BEFORE = 250
"""Characters of the end of the previous turn that are indexed. More would hide the own words."""

LONGEST_QUESTION = 60_000
"""Characters. A longer question is indexed behind its answer: words are searched only in the first
part of a text, which would not reach the answer."""

CREDIT = 0.5

# Not by strftime, which uses the language of the process.
_MONTHS = (
    *("", "January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A turn that a search found.

    `score` is None if the store tells none. An `AgentStore` also tells the parts of it, `scores`;
    other stores at most how similar the turn is to the query, by vectors.
    """

    turn: Turn
    score: float | None
    scores: TurnScores | None = None
    similarity: float | None = None


class ContextWriter:
    """Adds to turns the context by which they are found.

    Turns of one thread are given in the order in which they were said.

    Args:
        before: reads the stored turn that was said before one in its thread, where search needs
            it. It is asked only where no turn given earlier is that turn.
    """

    def __init__(self, before: Callable[[Turn], Steps[Turn | None]] | None) -> None:
        self._before = before
        self._last: dict[str, Turn] = {}

    def with_context(self, turn: Turn) -> Steps[Turn]:
        """Return the turn with its context; a turn that has one is returned unchanged."""
        if turn.context is None:
            turn = in_context(turn, (yield from self._earlier(turn)))
        if self._before is not None:
            self._last[turn.thread_id] = turn
        return turn

    def all_with_context(self, turns: Iterable[Turn]) -> Steps[list[Turn]]:
        """Return the turns with their contexts."""
        told = []
        for turn in turns:
            told.append((yield from self.with_context(turn)))
        return told

    def _earlier(self, turn: Turn) -> Steps[Turn | None]:
        if self._before is None:
            return None
        earlier = self._last.get(turn.thread_id)
        if earlier is None or earlier.order >= turn.order:
            earlier = yield from self._before(turn)
        return earlier


def in_context(turn: Turn, earlier: Turn | None = None) -> Turn:
    """Return the turn with its context: its own text and, behind an earlier turn's end, both."""
    own = _told(turn, _searched(turn))
    if earlier is None:
        return replace(turn, context=[own])
    before = _told(earlier, earlier.text[-LONGEST_BEFORE:])
    return replace(turn, context=[own, f"{before}\n{own}"], previous=earlier.key)


def _told(turn: Turn, text: str) -> str:
    """Return the text behind its day and the names of those who speak."""
    day = f"{turn.timestamp.day} {_MONTHS[turn.timestamp.month]} {turn.timestamp.year}"
    # A lost character ends a word.
    said = clean_text(text).replace(LOST, " ")
    return ": ".join(filter(None, (day, ", ".join(turn.named_speakers), said)))


def _searched(turn: Turn) -> str:
    if len(turn.query) <= LONGEST_QUESTION:
        return turn.text
    return "\n".join(filter(None, (turn.response, turn.query)))


def credited(matches: Sequence[Match], query: str = "") -> list[tuple[str, float]]:
    """Return the keys of matches and of the turns before them with their scores, best first.

    Scores are scaled from 0 for the worst match to 1 for the best. The turn before a match is
    credited with half of its score. Then each match gains a part of the best score in its thread,
    and the turns of the one known speaker whom the query names gain as well.
    """
    earned: dict[str, float] = defaultdict(float)
    for turn, share in _shares(matches):
        earned[turn.key] += share
        if turn.previous is not None:
            earned[turn.previous] += CREDIT * share
    best: dict[str, float] = defaultdict(float)
    for match in matches:
        thread_id = match.turn.thread_id
        best[thread_id] = max(best[thread_id], earned[match.turn.key])
    named = _of_the_speaker_named(matches, query)
    for match in matches:
        key = match.turn.key
        earned[key] += THREAD * best[match.turn.thread_id] + SPEAKER * (key in named)
    return sorted(earned.items(), key=lambda one: -one[1])


def _of_the_speaker_named(matches: Sequence[Match], query: str) -> frozenset[str]:
    """Return the keys of the turns of the one known speaker whom a query names."""
    turns = {match.turn.key: frozenset(map(speaker_word, match.turn.speakers)) for match in matches}
    named = frozenset().union(*turns.values()).intersection(names_in(query))
    return frozenset(key for key, words in turns.items() if len(named) == 1 and named & words)


def _shares(matches: Sequence[Match]) -> Iterator[tuple[Turn, float]]:
    if any(match.score is None for match in matches):
        matches = [Match(match.turn, -rank) for rank, match in enumerate(matches)]
    scores = [match.score or 0.0 for match in matches]
    least, span = min(scores, default=0.0), max(scores, default=0.0) - min(scores, default=0.0)
    for match, score in zip(matches, scores, strict=True):
        yield match.turn, (score - least) / span if span else 1.0

"""Each turn is found by its neighbours' words too.

What answers a question is often said around the words that the question uses: "Where did it go?"
and then "To the vet". So a turn is stored with a `context` that it is indexed by: its own text,
and its own behind that of the turn before it, each with its day. For the other direction a turn
names the one before it, `previous`, and a search credits that with half of the turn's own score:
where two neighbours match, the first of them is the likelier answer, since the second matches by
the first's words too. Turns are never written again: what was said stays as it was written.

Whether this finds more: decision 0016.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..store.steps import Steps
from .storable_json import LOST, clean_text
from .turns import Turn

CANDIDATES = 50
"""Of a search, how many matches share out what they earned."""

LONGEST_BEFORE = 2_000
"""Characters of the turn before: its end, which is next to this one."""

LONGEST_QUESTION = 60_000
"""Characters; a longer one is searched behind its answer, which would else be cut off with the end
of the text: words are searched in its first part alone."""

CREDIT = 0.5

# Not strftime's, which speaks the language of the process.
_MONTHS = (
    *("", "January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A turn that a search found; None for a score that the store does not tell."""

    turn: Turn
    score: float | None


class ContextWriter:
    """Adds to turns the context by which they are found.

    Turns of one thread are given in the order in which they were said.

    Args:
        before: reads the stored turn that was said before one in its thread. It is asked only
            where no turn given earlier is that turn.
    """

    def __init__(self, before: Callable[[Turn], Steps[Turn | None]]) -> None:
        self._before = before
        self._last: dict[str, Turn] = {}

    def with_context(self, turn: Turn) -> Steps[Turn]:
        """Return the turn with its context; a turn that has one is returned unchanged."""
        if turn.context is None:
            earlier = self._last.get(turn.thread_id)
            if earlier is None or earlier.order >= turn.order:
                earlier = yield from self._before(turn)
            turn = in_context(turn, earlier)
        self._last[turn.thread_id] = turn
        return turn

    def all_with_context(self, turns: Iterable[Turn]) -> Steps[list[Turn]]:
        """Return the turns with their contexts."""
        told = []
        for turn in turns:
            told.append((yield from self.with_context(turn)))
        return told


def in_context(turn: Turn, earlier: Turn | None) -> Turn:
    """Return the turn with the context that it is indexed by, behind the turn before it."""
    own = _with_day(turn, _searched(turn))
    if earlier is None:
        return replace(turn, context=[own])
    before = _with_day(earlier, earlier.text[-LONGEST_BEFORE:])
    return replace(turn, context=[own, f"{before}\n{own}"], previous=earlier.key)


def _searched(turn: Turn) -> str:
    if len(turn.query) <= LONGEST_QUESTION:
        return turn.text
    return "\n".join(filter(None, (turn.response, turn.query)))


def _with_day(turn: Turn, text: str) -> str:
    """The day as questions name it; words end where a character was lost."""
    day = f"{turn.timestamp.day} {_MONTHS[turn.timestamp.month]} {turn.timestamp.year}"
    return f"{day}: {clean_text(text).replace(LOST, ' ')}"


def credited(matches: Sequence[Match]) -> list[str]:
    """The keys of matches and of the turns before them, best first.

    Scores are taken from 0, the worst match's, to 1, the best's; the turn before a match earns
    half of its score.
    """
    earned: dict[str, float] = defaultdict(float)
    for turn, share in _shares(matches):
        earned[turn.key] += share
        if turn.previous is not None:
            earned[turn.previous] += CREDIT * share
    return sorted(earned, key=lambda key: -earned[key])


def _shares(matches: Sequence[Match]) -> Iterator[tuple[Turn, float]]:
    if any(match.score is None for match in matches):
        matches = [Match(match.turn, -place) for place, match in enumerate(matches)]
    scores = [match.score or 0.0 for match in matches]
    least, span = min(scores, default=0.0), max(scores, default=0.0) - min(scores, default=0.0)
    for match, score in zip(matches, scores, strict=True):
        yield match.turn, (score - least) / span if span else 1.0

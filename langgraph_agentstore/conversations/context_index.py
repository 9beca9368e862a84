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

Before = Callable[[Turn], "Turn | None"]
"""From a turn to the one said before it in its thread."""


@dataclass(frozen=True, slots=True)
class Match:
    """A turn that a search found; None for a score that the store does not tell."""

    turn: Turn
    score: float | None


def with_context(turns: Iterable[Turn], before: Before) -> Iterator[Turn]:
    """The turns, each knowing the one before it in its thread.

    Args:
        turns: of any threads; those of one thread come in the order in which they were said.
        before: what is stored already: asked where no turn given earlier is it.
    """
    last: dict[str, Turn] = {}
    for turn in turns:
        earlier = last.get(turn.thread_id)
        if turn.context is not None:
            told = turn
        elif earlier is not None and earlier.order < turn.order:
            told = _told(turn, earlier)
        else:
            told = _told(turn, before(turn))
        last[turn.thread_id] = told
        yield told


def _told(turn: Turn, earlier: Turn | None) -> Turn:
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

"""Why a search found a turn: the parts of its score, its ranks, and the words that match."""

from __future__ import annotations

from dataclasses import dataclass

_ARMS = ("words", "neighbors", "vectors", "length", "thread", "speaker")


@dataclass(frozen=True, slots=True)
class TurnScores:
    """The parts of a turn's score in a search, as they count in it; higher is better.

    Attributes:
        score: the sum of the next six.
        words: by the words of the query that the turn has.
        neighbors: by those at the ends of the two turns before it and the two after it.
        vectors: by the distance of its vector from that of the query.
        length: short turns seldom answer; the part grows up to 20 words.
        thread: by the best turn of its thread.
        speaker: more than 0 if the query names one known speaker, who speaks in the turn.
        relevance: from 0 to 1, whatever else was found: the share of the query's words that the
            turn and its neighbors have, rare ones counting more; or how much nearer its vector is
            than the mean; or the mean of both in a hybrid index.
        similarity: of the vectors, as in `ScoredItem`; None if the turn is not among the nearest.
        word_rank: the rank by words and neighbors among the turns compared, from 1, or None.
        vector_rank: the rank by vectors, from 1, or None.
        matched: the words of the query that the turn has, as they are indexed, the rarest first.
        matched_nearby: those that only its neighbors have.
        speaker_name: in lower case, the speaker whom the query names, if the turn is theirs.
    """

    score: float
    words: float
    neighbors: float
    vectors: float
    length: float
    thread: float
    speaker: float
    relevance: float
    similarity: float | None
    word_rank: int | None
    vector_rank: int | None
    matched: tuple[str, ...] = ()
    matched_nearby: tuple[str, ...] = ()
    speaker_name: str | None = None

    @property
    def arms(self) -> dict[str, float]:
        """Return each part's share of the score, from 0 to 1, the largest first; none of 0."""
        parts = {name: getattr(self, name) / self.score for name in _ARMS if self.score}
        return {name: part for name, part in sorted(parts.items(), key=lambda one: -one[1]) if part}

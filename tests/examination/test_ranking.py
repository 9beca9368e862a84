"""The formulas of the lab, against figures worked out by hand."""

from collections.abc import Mapping
from dataclasses import replace
from math import log

import numpy as np
import pytest

from benchmarks.memory.lab import PLAIN, cut
from benchmarks.memory.ranking import NEIGHBORS, Asked, Text, Turns

NO_VECTORS = replace(PLAIN, lists="words")


def text(
    words: Mapping[str, int],
    thread: str = "t",
    speaker: str = "Mira",
    head: str = "",
    tail: str = "",
) -> Text:
    first, last = (frozenset(part.split()) or frozenset(words) for part in (head, tail))
    return Text(thread, words, first, last, frozenset([speaker]))


def turns(*texts: Text, cosines: tuple[float, ...] = ()) -> Turns:
    """Turns whose similarities to the vector (1,) are the cosines."""
    return Turns(texts, np.array(cosines or [0.0] * len(texts)).reshape(-1, 1))


def asked(*words: str, text: str = "") -> Asked:
    return Asked(words, text, np.array([1.0]))


def idf(count: int, having: int) -> float:
    return log(1 + (count - having + 0.5) / (having + 0.5))


def test_words_are_scored_by_bm25_over_the_best() -> None:
    memory = turns(text({"cat": 2, "dog": 2}), text({"cat": 1, "fish": 1}), text({"bird": 6}))
    first = idf(3, 2) * 2 * 2.2 / (2 + 1.2 * (0.6 + 0.4 * 4 / 4))
    second = idf(3, 2) * 1 * 2.2 / (1 + 1.2 * (0.6 + 0.4 * 2 / 4))
    assert memory.scores(asked("cat", "unknown"), NO_VECTORS) == pytest.approx(
        [1, second / first, 0]
    )


def test_words_may_be_scored_by_the_weights_of_all_words_asked_for() -> None:
    memory = turns(text({"cat": 1}), text({"x": 1}))
    scores = memory.scores(asked("cat", "unknown"), replace(NO_VECTORS, covered=1.25))
    share = idf(2, 1) / (idf(2, 1) + idf(2, 0))
    assert scores == pytest.approx([1.25 * share, 0])


def test_similarities_are_scaled_from_the_worst_to_the_best() -> None:
    memory = turns(*[text({"x": 1})] * 3, cosines=(0.2, 0.6, 0.4))
    assert memory.scores(asked(), PLAIN) == pytest.approx([0, 0.8, 0.4])


def test_behind_the_pool_nothing_is_similar() -> None:
    cosines = tuple(np.linspace(0.1, 0.9, 300))
    scores = turns(*[text({"x": 1})] * 300, cosines=cosines).scores(asked(), PLAIN)
    assert np.count_nonzero(scores) == 250


def test_ends_of_neighbors_count_in_part() -> None:
    words = [{"a": 1}, {"b": 1}, {"cat": 1}, {"d": 1}, {"e": 1}, {"f": 1}]
    memory = turns(*map(text, words))

    def score(frequency: float) -> float:
        return frequency * 2.2 / (frequency + 1.2)

    expected = [score(share) / score(1) for share in (0.15, 0.35, 1, 0.5, 0.25)] + [0]
    ranking = replace(NO_VECTORS, neighbors=NEIGHBORS)
    assert memory.scores(asked("cat"), ranking) == pytest.approx(expected)


def test_words_pass_within_the_thread_and_from_the_end_alone() -> None:
    memory = turns(
        text({"a": 1}), text({"cat": 1, "x": 1}, head="x", tail="cat"), text({"c": 1}),
        text({"d": 1}, thread="u"),
    )  # fmt: skip
    scores = memory.scores(asked("cat"), replace(NO_VECTORS, neighbors=NEIGHBORS))
    assert [bool(score) for score in scores] == [False, True, True, False]


def test_a_long_turn_has_less_of_its_neighbors() -> None:
    short, long = (
        turns(text({"cat": 1}), text({"y": count})).scores(
            asked("cat"), replace(NO_VECTORS, neighbors=NEIGHBORS, b=0)
        )[1]
        for count in (40, 80)
    )
    assert short == pytest.approx((0.5 / 1.7) * 2.2)
    assert long == pytest.approx((0.25 / 1.45) * 2.2)


def test_length_counts_up_to_twenty_words() -> None:
    memory = turns(*(text({"x": count}) for count in (5, 20, 60)))
    scores = memory.scores(asked(), replace(NO_VECTORS, length=0.4))
    assert scores == pytest.approx([0.1, 0.4, 0.4])


def test_a_turn_shares_in_the_best_of_its_thread() -> None:
    memory = turns(text({"cat": 1}), text({"x": 1}), text({"x": 1}, thread="u"))
    scores = memory.scores(asked("cat"), replace(NO_VECTORS, thread=0.3))
    assert scores == pytest.approx([1.3, 0.3, 0])


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what does mira's cat eat?", [0.3, 0]),
        ("Does Tom know Mira?", [0, 0]),
        ("Is Tomas here?", [0, 0]),
        ("Where is Tom?", [0, 0.3]),
    ],
)
def test_turns_of_the_one_person_named_are_lifted(question: str, expected: list[float]) -> None:
    memory = turns(text({"x": 1}), text({"x": 1}, speaker="Tom"))
    scores = memory.scores(asked(text=question), replace(NO_VECTORS, speaker=0.3))
    assert scores == pytest.approx(expected)


def test_ranks_are_fused_as_one_over_sixty_and_the_rank() -> None:
    memory = turns(text({"cat": 1}), text({"x": 1}), cosines=(0.1, 0.2))
    scores = memory.scores(asked("cat"), replace(PLAIN, lists="ranks"))
    assert scores == pytest.approx([1 / 61 + 1 / 62, 1 / 61])


def test_the_best_come_first_and_equal_ones_in_their_order() -> None:
    memory = turns(*[text({"x": 1})] * 3, cosines=(0.1, 0.5, 0.1))
    assert memory.best(asked(), PLAIN, 2) == [1, 0]


def test_an_end_is_cut_between_words() -> None:
    assert cut("short") == 5
    assert cut("word " * 100) == 249
    assert cut("w" * 300) == 0

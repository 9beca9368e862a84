"""Recall and its intervals."""

import numpy as np
import pytest

from benchmarks.memory.figures import difference, estimated, recall


def test_recall_is_the_share_of_the_answers_among_the_first_results() -> None:
    found = [{"a"}, {"b", "c"}, {"d"}]
    assert recall(found, ("a", "c", "d", "x"), 1) == 0.25
    assert recall(found, ("a", "c", "d", "x"), 2) == 0.5
    assert recall(found, ("a", "c", "d", "x"), 10) == 0.75


def test_an_answer_found_twice_counts_once() -> None:
    assert recall([{"s1"}, {"s1"}], ("s1", "s2"), 10) == 0.5


def test_the_interval_is_that_of_the_mean_of_independent_values() -> None:
    values = np.random.default_rng(1).random(400)
    found = estimated(list(values), range(400))
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.004)
    assert found.high == pytest.approx(values.mean() + half, abs=0.004)


def test_questions_of_a_group_do_not_narrow_the_interval() -> None:
    values = [float(number % 2) for number in range(20)]
    apart = estimated(values, range(20))
    together = estimated(values * 10, list(range(20)) * 10)
    assert (together.low, together.high) == pytest.approx((apart.low, apart.high))


def test_where_groups_are_few_questions_are_drawn() -> None:
    values = [0.0, 1.0] * 10
    for few in (1, 7):
        groups = [number % few for number in range(20)]
        assert estimated(values, groups) == estimated(values, range(20))
    assert estimated(values, [number % 8 for number in range(20)]) != estimated(values, range(20))


def test_a_difference_is_paired() -> None:
    values = np.random.default_rng(2).random(50)
    gain = difference(list(values + 0.1), list(values), range(50))
    assert (gain.low, gain.high) == pytest.approx((0.1, 0.1))
    assert gain.differs
    assert gain.signed == "+10.0 (+10.0 to +10.0) *"


def test_an_interval_around_zero_is_no_difference() -> None:
    same = difference([0.0, 1.0] * 20, [1.0, 0.0] * 20, range(40))
    assert not same.differs
    assert "*" not in same.signed


def test_an_estimate_is_printed_in_percent() -> None:
    assert str(estimated([0.5, 0.5], ["a", "b"])) == "50.0 (50.0–50.0)"

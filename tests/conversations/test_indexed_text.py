"""What a turn is found by, and what its neighbours earn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from langgraph_agentstore.conversations import Turn, new_turn
from langgraph_agentstore.conversations.indexed_text import (
    LONGEST_BEFORE,
    ContextWriter,
    Match,
    credited,
)
from langgraph_agentstore.store.step_driver import Steps, run

BEGINNING = datetime(2024, 2, 1, tzinfo=timezone.utc)


def turn(number: int, text: str = "", thread: str = "t") -> Turn:
    at = BEGINNING + timedelta(days=number)
    return new_turn(thread, text or f"q{number}", "", at=at)


def with_context(turns: list[Turn], before: Callable[[Turn], Turn | None]) -> list[Turn]:
    def reading(turn: Turn) -> Steps[Turn | None]:
        yield from ()
        return before(turn)

    return run(ContextWriter(reading).all_with_context(turns))


def nobody(_turn: Turn) -> None:
    return None


def match(key: str, score: float | None, previous: str | None = None) -> Match:
    return Match(replace(turn(0), key=key, previous=previous), score)


def keys(matches: list[Match]) -> list[str]:
    return [key for key, _ in credited(matches)]


def test_a_turn_has_its_own_text_and_that_behind_the_one_before_it() -> None:
    first, second = with_context([turn(0, "where?"), turn(1, "there")], nobody)
    assert first.context == ["1 February 2024: where?"]
    assert second.context == [
        "2 February 2024: there",
        "1 February 2024: where?\n2 February 2024: there",
    ]
    assert (first.previous, second.previous) == (None, first.key)


def test_of_a_long_turn_its_end_is_the_context_of_the_next() -> None:
    _, second = with_context([turn(0, "far " * 2000 + "near"), turn(1)], nobody)
    assert second.context is not None
    assert "near" in second.context[1]
    assert len(second.context[1]) < LONGEST_BEFORE + 100


def test_threads_are_apart_and_each_is_asked_for_once() -> None:
    asked: list[str] = []
    stored = turn(0, "stored", "a")

    def before(one: Turn) -> Turn | None:
        asked.append(one.thread_id)
        return stored if one.thread_id == "a" else None

    given = [turn(n, thread=thread) for n, thread in enumerate("abab", 1)]
    a1, b1, a2, b2 = with_context(given, before)
    assert [one.previous for one in (a1, b1, a2, b2)] == [stored.key, None, a1.key, b1.key]
    assert asked == ["a", "b"]


def test_a_turn_that_has_its_context_keeps_it() -> None:
    (told,) = with_context([turn(0)], nobody)
    assert list(with_context([told], nobody)) == [told]


def test_the_turn_before_a_match_earns_half_of_its_score() -> None:
    matches = [match("best", 9.0, "before"), match("good", 7.0), match("poor", 4.0)]
    matches.append(match("worst", 1.0))
    # 1, .75, .375 and 0, each and .15 for the thread; and half of 1 for the one before the best.
    assert keys(matches) == ["best", "good", "poor", "before", "worst"]


def test_of_neighbours_that_both_match_the_first_is_the_likelier_answer() -> None:
    matches = [match("second", 9.0, "first"), match("first", 7.0), match("worst", 1.0)]
    assert keys(matches) == ["first", "second", "worst"]


def test_without_scores_the_order_of_the_matches_counts() -> None:
    matches = [match("a", None), match("b", None, "before b"), match("c", None), match("d", None)]
    assert keys(matches) == ["a", "b", "c", "before b", "d"]


def test_no_matches_earn_nothing() -> None:
    assert credited([]) == []
    found = dict(credited([match("only", 0.5, "before")]))
    assert found == pytest.approx({"only": 1.15, "before": 0.5})


def test_turns_of_the_speaker_whom_a_query_names_come_earlier() -> None:
    said = [turn(0, "Ann: tea"), turn(1, "Bo: tea", "u"), turn(2, "Bo: no tea", "v")]
    matches = [Match(one, score) for one, score in zip(said, (1.0, 0.8, 0.0), strict=True)]
    assert credited(matches, "who drinks tea?")[0][0] == said[0].key
    scores = dict(credited(matches, "does Bo drink tea?"))
    assert scores == pytest.approx(
        {said[0].key: 1.15, said[1].key: 0.8 * 1.15 + 0.3, said[2].key: 0.3}
    )
    assert credited(matches, "do Ann and Bo drink tea?")[0][0] == said[0].key

"""The searched text of a turn: its ends, and who speaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.model.bigrams import spaced
from langgraph_agentstore.model.turn_text import (
    END,
    PIECE_MARK,
    is_turn,
    marked_text,
    named_before,
    names_of,
    own_text,
    speaker_word,
    speakers_of,
)

TURN = {"query": "q", "response": "r", "thread_id": "t", "timestamp": "2024-05-01T00:00:00+00:00"}
LONG = " ".join(f"w{number}" for number in range(400))


def pieces(text: str, *speakers: str) -> list[str]:
    return marked_text(text, speakers).split(PIECE_MARK)


def test_a_short_text_without_speakers_is_not_cut() -> None:
    assert marked_text("my cat", []) == "my cat"


def test_a_short_text_stands_in_both_ends() -> None:
    assert pieces("my cat", "Ann", "ann", "Mary  Ann") == ["@ann\n@mary ann", "", "my cat", "", ""]


def test_a_long_text_has_a_head_a_middle_and_a_tail() -> None:
    names, head, both, neither, tail = pieces(LONG)
    assert (names, both) == ("", "")
    assert head + neither + tail == LONG
    assert END - 10 < len(head) <= END
    assert END - 10 < len(tail) <= END


def test_the_ends_of_a_text_that_is_not_so_long_overlap() -> None:
    text = LONG[:400]
    _, head, both, neither, tail = pieces(text)
    assert neither == ""
    assert head + both + tail == text
    assert len(head + both) <= END
    assert len(both + tail) <= END


def test_a_text_without_white_space_has_no_ends() -> None:
    assert pieces("x" * 600) == ["", "", "", "x" * 600, ""]


@given(
    st.text(st.sampled_from("ab \n\t猫犬e\u0301"), min_size=END, max_size=3 * END),
    st.lists(st.text(min_size=1), max_size=2),
)
def test_no_cut_parts_a_word(text: str, speakers: list[str]) -> None:
    searched = spaced(text)
    found = pieces(searched, *speakers)
    if len(found) > 1:
        assert "".join(found[1:]) == searched
        assert [word for piece in found[1:] for word in piece.split()] == searched.split()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann: I went", "Ann"),
        ("Mary Ann O'Neil: I went", "Mary Ann O'Neil"),
        ("小明：我去了", "小明"),
        ("note: buy milk", None),
        ("One two three four: no", None),
        ("https://x.org", None),
        ("At 10:30 I went", None),
        ("Ann:", None),
        ("A" * 41 + ": no", None),
        ("", None),
    ],
)
def test_a_name_before_a_colon_is_the_speaker(text: str, name: str | None) -> None:
    assert named_before(text) == name


@pytest.mark.parametrize(
    ("value", "speakers"),
    [
        ({"query": "Ann: hello", "response": "Bo: hi"}, ("Ann", "Bo")),
        ({"query": "Ann: hello", "response": "Ann: again"}, ("Ann",)),
        ({"query": "hello", "response": 7}, ()),
        ({"query": "Ann: hello", "speakers": ["Cy", " ", 7]}, ("Cy",)),
        ({"query": "Ann: hello", "speakers": []}, ("Ann",)),
        ({}, ()),
    ],
)
def test_a_turn_says_who_speaks(value: dict[str, Any], speakers: tuple[str, ...]) -> None:
    assert speakers_of(value) == speakers


def test_a_speakers_word_is_bounded_and_of_one_line() -> None:
    assert speaker_word(f"Mary\n{PIECE_MARK}ANN") == "@mary ann"
    assert len(speaker_word("x" * 500)) == 41


@pytest.mark.parametrize(
    ("value", "turn"),
    [
        ({**TURN, "context": ["own"]}, True),
        (TURN, False),
        ({**TURN, "context": "own"}, False),
        ({**TURN, "context": ["own"], "timestamp": 7}, False),
        (["own"], False),
    ],
)
def test_a_turn_is_known_by_its_fields(value: Any, turn: bool) -> None:
    assert is_turn(value) is turn


def test_names_of_messages_are_behind_the_day_also_in_turns_of_0_1_0() -> None:
    messages = [
        {"type": "human", "data": {"name": "Mary"}},
        {"type": "tool", "data": {"name": "search"}},
        {"type": "ai", "data": {"name": "Bo"}},
        {"type": "human", "data": {"name": "Mary"}},
        {"type": "ai", "data": {"name": None}},
        *({"type": "ai", "data": {"name": " "}}, {"type": "ai"}, "text"),
    ]
    assert names_of(messages) == ("Mary", "Bo")
    assert names_of(None) == ()
    old = {**TURN, "messages": messages, "context": ["1 May 2024: hello", "before"]}
    new = {**TURN, "speakers": ["Mary", "Bo"], "context": ["1 May 2024: Mary, Bo: hello"]}
    assert own_text(old) == own_text(new) == ["1 May 2024: Mary, Bo: hello"]
    assert speakers_of(old) == speakers_of(new) == ("Mary", "Bo")


def test_only_the_first_text_is_a_turns_own() -> None:
    assert own_text({"context": ["own", "before own"]}) == ["own"]
    assert own_text({"context": [7]}) == []
    assert own_text({"context": []}) == []

"""Likeness by letters, and ranking by words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.memory_tools.fact_store import SIMILAR_LETTERS
from langgraph_agentstore.memory_tools.likeness import (
    best_by_words,
    likenesses,
    without_query_syntax,
)

SAME_FACT = [
    ("The user likes green tea.", "User prefers green tea."),
    ("The user's cat is called Turing.", "The user has a cat named Turing."),
    ("The user lives in Paris.", "User is living in Paris, France."),
    ("Her sister works at a hospital.", "The user's sister is a nurse in a hospital."),
    ("The user is allergic to peanuts.", "The user has a peanut allergy."),
    (
        "The user works as a data engineer at Acme.",
        "The user is a data engineer; employer is Acme.",
    ),
    ("The user's birthday is on 12 March.", "The user was born on March 12."),
    ("The user prefers short answers.", "The user wants concise replies."),
    ("The project uses Postgres 16.", "The project's database is Postgres 16."),
    (
        "The user plans a trip to Japan in May 2024.",
        "The user is going to travel to Japan in May 2024.",
    ),
    ("The user is vegetarian.", "The user does not eat meat."),
    ("The user has two children, Mia and Tom.", "The user's kids are called Mia and Tom."),
]
CHANGED_FACT = [
    ("The user lives in Rome.", "The user lives in Paris."),
    ("The user is a junior developer at Acme.", "The user is a senior developer at Acme."),
    ("The meeting is on Friday at 3 pm.", "The meeting is on Monday at 10 am."),
    ("The user prefers tabs.", "The user prefers spaces."),
    ("The user's favourite colour is blue.", "The user's favourite colour is green."),
    ("The user has one dog.", "The user has two dogs."),
]
OTHER_FACT = [
    ("The user likes green tea.", "The user likes jazz."),
    ("The user's cat is called Turing.", "The user's dog is called Ada."),
    ("The user lives in Paris.", "The user works in Paris."),
    ("Her sister works at a hospital.", "The user's brother works at a bank."),
    ("The user is allergic to peanuts.", "The user likes peanut butter cookies."),
    ("The user works as a data engineer at Acme.", "The user dislikes working on Sundays."),
    ("The user's birthday is on 12 March.", "The user's wedding is on 12 May."),
    ("The user prefers short answers.", "The user prefers window seats."),
    ("The project uses Postgres 16.", "The project uses Python 3.12."),
    ("The user plans a trip to Japan in May 2024.", "The user was born in May 1984."),
    ("The user is vegetarian.", "The user is a runner."),
    ("The user has two children, Mia and Tom.", "The user has two cars."),
    ("The user likes green tea.", "Meetings are on Friday afternoon."),
]
STORED = [stored for stored, _ in (*SAME_FACT, *CHANGED_FACT, *OTHER_FACT)]


def likeness_of(pair: tuple[str, str]) -> float:
    """How alike the two are if all facts above are stored."""
    stored, new = pair
    return likenesses(new, STORED)[STORED.index(stored)]


def test_pairs_of_one_subject_are_more_alike_than_others() -> None:
    alike = [likeness_of(pair) for pair in (*SAME_FACT, *CHANGED_FACT)]
    others = [likeness_of(pair) for pair in OTHER_FACT]

    in_order = sum(one > other for one in alike for other in others)

    assert in_order / (len(alike) * len(others)) >= 0.8


def test_the_default_shows_most_facts_that_say_the_same_or_that_changed() -> None:
    assert sum(likeness_of(pair) >= SIMILAR_LETTERS for pair in SAME_FACT) >= 9
    assert sum(likeness_of(pair) >= SIMILAR_LETTERS for pair in CHANGED_FACT) == 6
    assert sum(likeness_of(pair) >= SIMILAR_LETTERS for pair in OTHER_FACT) <= 2


@given(st.text(), st.lists(st.text(), max_size=5))
def test_likeness_is_between_0_and_1(text: str, others: list[str]) -> None:
    assert all(0 <= likeness <= 1 + 1e-9 for likeness in likenesses(text, others))


@given(st.from_regex(r"\w{1,5}( \w{1,5}){0,3}", fullmatch=True), st.lists(st.text(), max_size=5))
def test_nothing_is_more_alike_than_an_equal_text(text: str, others: list[str]) -> None:
    likeness, *rest = likenesses(text, [text, *others])

    assert abs(likeness - 1) < 1e-9
    assert all(each <= likeness + 1e-9 for each in rest)


def test_a_rare_word_counts_more_than_a_frequent_one() -> None:
    texts = ["the user has a dog", "the user likes tea", "turing is a cat", "the user naps"]

    assert best_by_words("what does the user call turing", texts)[0] == 2


def test_texts_without_a_common_word_are_not_found() -> None:
    assert best_by_words("turing", ["the user has a dog", "Turing!", "touring"]) == [1]
    assert best_by_words("?", ["the user has a dog"]) == []


def test_scripts_without_spaces_are_found_by_pairs_of_characters() -> None:
    assert best_by_words("绿茶", ["他喜欢咖啡", "他喜欢绿茶"]) == [1]


def test_query_syntax_becomes_words() -> None:
    assert without_query_syntax('-a "b c" d-e ＂f').split() == ["a", "b", "c", "d-e", "f"]

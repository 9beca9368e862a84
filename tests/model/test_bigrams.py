"""Texts in scripts without spaces become words that a search by words can find."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.model.bigrams import (
    QueryWord,
    last_characters,
    query_words,
    spaced,
    words_at,
)

UNSPACED = st.text(st.sampled_from("猫犬喜欢ねこガー고양이แมวน้ำ"), min_size=1, max_size=12)
ANY = st.text(max_size=60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我喜欢 LangGraph 的 store", ["我喜", "喜欢", "欢", "LangGraph", "的", "store"]),
        ("使用LangGraph吗", ["使用", "用", "LangGraph", "吗"]),
        ("猫", ["猫"]),
        ("ねこ、いぬ。", ["ねこ", "こ", "、", "いぬ", "ぬ", "。"]),
        ("データ", ["デー", "ータ", "タ"]),
        ("ﾃﾞｰﾀ", ["デー", "ータ", "タ"]),
        ("고양이가 잔다", ["고양", "양이", "이가", "가", "잔다", "다"]),
        ("\u1100\u1161\u1102\u1161", ["가나", "나"]),
        ("น้ำ", ["น\u0e49\u0e4dา", "า"]),
        ("葛\U000e0100飾", ["葛飾", "飾"]),
        ("ABC de", ["ABC", "de"]),
    ],
)
def test_a_text_is_spaced(text: str, words: list[str]) -> None:
    assert spaced(text).split() == words


def test_a_mark_that_stands_alone_is_a_character() -> None:
    assert spaced("\u0e49ก").split() == ["\u0e49ก", "ก"]


def test_where_a_line_may_break_makes_no_word() -> None:
    assert spaced("แมว\u200bดำ") == spaced("แมวดำ")


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_english_stays_as_it_is(text: str) -> None:
    assert spaced(text) == text


@given(UNSPACED)
def test_every_character_begins_one_word(text: str) -> None:
    words = spaced(text).split()
    normal = unicodedata.normalize("NFKC", text)
    letters = [letter for letter in normal if not unicodedata.category(letter).startswith("M")]
    assert len(words) == len(letters) or unicodedata.category(normal[0]).startswith("M")


@given(ANY)
def test_nothing_is_lost_but_what_is_invisible(text: str) -> None:
    seen = {letter for letter in spaced(text) if letter.isalnum()}
    assert seen == {letter for letter in unicodedata.normalize("NFKC", text) if letter.isalnum()}


@given(ANY)
def test_all_forms_of_a_text_have_the_same_words(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    if not decomposed.isascii() and not text.isascii():
        assert spaced(decomposed) == spaced(text)


@given(UNSPACED, UNSPACED, UNSPACED)
def test_a_text_has_all_words_of_what_it_contains(before: str, word: str, after: str) -> None:
    text = spaced(f"{before}{word}{after}").split()
    for asked in query_words(word)[1:-1]:
        assert asked.text in text


def test_a_query_has_pairs_and_single_characters() -> None:
    assert query_words("我的猫 cats 犬") == (
        QueryWord("我的"),
        QueryWord("的猫", last="猫"),
        QueryWord("cats"),
        QueryWord("犬", alone=True),
    )


def test_the_last_characters_of_runs_are_named_once() -> None:
    assert last_characters("喜欢 LangGraph 很喜欢 吗") == ("欢", "吗")


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ([], ()),
        ([1, 2, 3], ("我的猫", "cats")),
        ([1, 3], ("我的", "cats")),
        ([2, 4], ("的猫", "犬")),
        ([3, 5], ("cats",)),
        ([6], ("?",)),
    ],
)
def test_matched_words_are_joined_where_they_overlap(
    positions: list[int], words: tuple[str, ...]
) -> None:
    assert words_at(query_words("我的猫 cats? 犬 cats ?"), positions) == words

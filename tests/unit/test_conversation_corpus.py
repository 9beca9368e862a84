"""The corpus by which the quality of search is measured, and the measure itself; no server."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from benchmarks.conversation import MIX, Question, Turn, conversation
from benchmarks.recall import Model, find_model, index_config, main, recall, table, value

TURNS, QUESTIONS = conversation()
BY_ID = {turn.id: turn for turn in TURNS}
NAMES = {turn.speaker for turn in TURNS}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_one_seed_makes_one_corpus() -> None:
    assert conversation() == (TURNS, QUESTIONS)


def test_another_seed_makes_another_corpus() -> None:
    turns, questions = conversation(seed=8)
    assert {turn.text for turn in turns} != {turn.text for turn in TURNS}
    assert {one.text for one in questions} != {one.text for one in QUESTIONS}


def test_there_are_thousands_of_short_turns_in_thirty_threads() -> None:
    assert 4_000 <= len(TURNS) <= 6_500
    assert len({turn.thread for turn in TURNS}) == 30
    assert max(len(turn.text.split()) for turn in TURNS) <= 60


def test_ids_are_unique_and_tell_the_thread() -> None:
    assert len(BY_ID) == len(TURNS)
    assert all(turn.id.startswith(turn.thread) for turn in TURNS)


def test_a_thread_goes_on_in_time_between_two_people() -> None:
    threads: dict[str, list[Turn]] = defaultdict(list)
    for turn in TURNS:
        threads[turn.thread].append(turn)
    for thread in threads.values():
        assert len({turn.speaker for turn in thread}) == 2
        assert all(one.at < other.at for one, other in pairwise(thread))


def test_times_are_aware() -> None:
    assert all(turn.at.utcoffset() is not None for turn in TURNS)


def test_no_placeholder_is_left_in_a_text() -> None:
    texts = [turn.text for turn in TURNS] + [one.text for one in QUESTIONS]
    assert [text for text in texts if re.search(r"[{}|]", text)] == []


def test_every_answer_is_a_turn() -> None:
    assert {answer for one in QUESTIONS for answer in one.answers} <= set(BY_ID)


def test_a_question_has_one_answer_or_a_few() -> None:
    for one in QUESTIONS:
        assert 1 <= len(set(one.answers)) == len(one.answers) <= 5


def test_a_question_about_several_turns_has_several() -> None:
    assert all(len(one.answers) > 1 for one in QUESTIONS if one.kind == "several")


def test_no_question_is_asked_twice() -> None:
    assert len({one.text for one in QUESTIONS}) == len(QUESTIONS)


def test_every_kind_is_asked_as_often_as_the_mix_says() -> None:
    assert Counter(one.kind for one in QUESTIONS) == MIX


def test_the_mix_can_be_chosen() -> None:
    _, questions = conversation(mix={"when": 5})
    assert [one.kind for one in questions] == ["when"] * 5


def test_no_question_is_contained_in_a_turn() -> None:
    everything = "\n".join(" ".join(words(turn.text)) for turn in TURNS)
    assert [one.text for one in QUESTIONS if " ".join(words(one.text)) in everything] == []


def test_a_question_that_names_a_speaker_is_answered_by_that_speaker() -> None:
    for one in QUESTIONS:
        named = NAMES & set(re.findall(r"\w+", one.text))
        assert not named or {BY_ID[answer].speaker for answer in one.answers} <= named


def test_questions_are_not_copies_of_their_answers() -> None:
    """At most half of a question's longer words, the name left out, are the turn's."""
    shares = []
    for one in QUESTIONS:
        asked = {word for word in words(one.text) if len(word) > 3} - set(map(str.lower, NAMES))
        told = set(words(BY_ID[one.answers[0]].text))
        shares.append(len(asked & told) / len(asked) if asked else 0.0)
    assert sum(shares) / len(shares) < 0.5


def test_a_question_by_meaning_shares_hardly_a_word_with_its_answer() -> None:
    common = {"does", "what", "which", "with", "have", "that", "from", "somebody", "like"}
    for one in QUESTIONS:
        if one.kind == "meaning":
            asked = {word for word in words(one.text) if len(word) > 3} - common
            assert asked.isdisjoint(words(BY_ID[one.answers[0]].text)), one.text


def test_look_alikes_surround_an_answer() -> None:
    """What one person told, others told too: of another day, place or company."""
    racers = {turn.speaker for turn in TURNS if "charity race" in turn.text}
    assert len(racers) > 4


def test_recall_is_the_share_of_the_answers_among_the_first() -> None:
    assert recall(["a", "b", "c"], {"b", "x"}, 5) == 0.5
    assert recall(["a", "b", "c"], {"b"}, 1) == 0.0
    assert recall([], {"b"}, 5) == 0.0


def test_the_table_has_a_row_for_each_kind_and_one_for_all() -> None:
    asked = [Question("Who?", "fact", ("a",)), Question("When?", "when", ("b",))]
    shown = table(asked, {"text": [["a"], ["x"] * 5 + ["b"]]}).splitlines()
    assert shown[0] == "| questions | n | text @5 | text @10 | text @20 |"
    assert shown[2:] == [
        "| fact | 1 | 100.0 | 100.0 | 100.0 |",
        "| when | 1 | 0.0 | 100.0 | 100.0 |",
        "| all | 2 | 50.0 | 100.0 | 100.0 |",
    ]


def test_the_indexed_line_names_the_day_and_the_speaker() -> None:
    turn = TURNS[0]
    day = f"{turn.at.day} {turn.at:%B %Y}"
    assert value(turn)["line"] == f"{day}, {turn.speaker}: {turn.text}"


def test_the_fields_can_be_indexed_apart() -> None:
    model = Model("none", 1, lambda texts: [[1.0] for _ in texts])
    assert index_config(model)["fields"] == ["line"]
    assert index_config(model, apart=True)["fields"] == ["text", "speaker", "at"]
    assert "text_weight" not in index_config(model)
    assert index_config(model, text_weight=1.5)["text_weight"] == 1.5


def test_without_a_model_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.recall.find_spec", lambda _: None)
    assert find_model() is None
    assert main([]) == 1
    assert "pip install" in capsys.readouterr().err

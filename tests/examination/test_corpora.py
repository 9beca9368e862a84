"""Conversations and questions are read from every form into one."""

import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory.corpora import DATA, Corpus, generated_corpus, read_corpus

LOCOMO = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Mira",
            "speaker_b": "Tom",
            "session_2_date_time": "9:05 am on 12 May, 2023",
            "session_2": [{"speaker": "Tom", "dia_id": "D2:1", "text": "Back again."}],
            "session_10_date_time": "12:30 am on 1 June, 2023",
            "session_10": [{"speaker": "Mira", "dia_id": "D10:1", "text": "Hello."}],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Mira", "dia_id": "D1:1", "text": "I have a cat."},
                {
                    "speaker": "Tom",
                    "dia_id": "D1:2",
                    "text": "Look!",
                    "blip_caption": "a photo of a dog",
                },
            ],
        },
        "qa": [
            {"question": "Who has pets?", "evidence": ["D1:1; D1:2"], "category": 1},
            {"question": "When was Tom back?", "evidence": ["D2:1"], "category": 2},
            {"question": "Why?", "evidence": ["D1:1"], "category": 5},
            {"question": "Where?", "evidence": [], "category": 4},
            {"question": "What?", "evidence": ["D7:1"], "category": 4},
        ],
    }
]

LONG_MEM_EVAL = [
    {
        "question_id": "q1",
        "question_type": "single-session-user",
        "question": "Which cat do I have?",
        "question_date": "2023/05/30 (Tue) 10:00",
        "haystack_session_ids": ["a", "b"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 12:00"],
        "haystack_sessions": [
            [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
            [
                {"role": "assistant", "content": "Welcome."},
                {"role": "user", "content": "My cat is a Manx.", "has_answer": True},
                {"role": "assistant", "content": "A cat without a tail."},
                {"role": "assistant", "content": "Lovely."},
            ],
        ],
    }
]

OWN: dict[str, Any] = {
    "name": "pets",
    "conversations": [
        {
            "id": "c",
            "speakers": ["Mira"],
            "sessions": [
                {
                    "id": "s1",
                    "at": "2024-05-01T18:00:00+00:00",
                    "turns": [
                        {"id": "s1:1", "speaker": "Mira", "role": "person", "text": "A cat."}
                    ],
                }
            ],
            "questions": [
                {
                    "text": "Which pet?",
                    "kind": "fact",
                    "gold": ["s1:1"],
                    "asked_at": "2024-06-01T00:00:00+00:00",
                },
                {"text": "Since when?", "kind": "when", "gold": ["s1:1"]},
            ],
        }
    ],
}


def read(tmp_path: Path, content: object) -> Corpus:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps(content), "utf-8")
    return read_corpus(path)


def test_sessions_of_locomo_keep_their_order_and_times(tmp_path: Path) -> None:
    [conversation] = read(tmp_path, LOCOMO).conversations
    assert [one.id for one in conversation.utterances] == ["D1:1", "D1:2", "D2:1", "D10:1"]
    assert conversation.utterances[0].at == datetime(2023, 5, 8, 13, 56, tzinfo=timezone.utc)
    assert conversation.utterances[1].at > conversation.utterances[0].at
    assert conversation.utterances[3].at == datetime(2023, 6, 1, 0, 30, tzinfo=timezone.utc)


def test_a_photo_of_locomo_is_told_by_its_caption(tmp_path: Path) -> None:
    [conversation] = read(tmp_path, LOCOMO).conversations
    assert conversation.utterances[1].text == "Look! [photo: a photo of a dog]"


def test_questions_of_locomo_without_an_answer_in_the_talk_are_left_out(tmp_path: Path) -> None:
    [conversation] = read(tmp_path, LOCOMO).conversations
    assert [(one.kind, one.gold) for one in conversation.questions] == [
        ("several", ("D1:1", "D1:2")),
        ("when", ("D2:1",)),
    ]


def test_each_utterance_of_people_is_a_turn_behind_its_speaker(tmp_path: Path) -> None:
    [conversation] = read(tmp_path, LOCOMO).conversations
    turn = conversation.passages()[1].turn()
    assert (turn.query, turn.response) == ("Tom: Look! [photo: a photo of a dog]", "")
    assert turn.speakers == ("Tom",)


def test_a_question_and_its_answer_are_one_turn_of_a_chat(tmp_path: Path) -> None:
    [conversation] = read(tmp_path, LONG_MEM_EVAL).conversations
    turns = [passage.turn() for passage in conversation.passages()]
    assert [(turn.query, turn.response) for turn in turns] == [
        ("Hi", "Hello!"),
        ("", "Welcome."),
        ("My cat is a Manx.", "A cat without a tail."),
        ("", "Lovely."),
    ]


def test_turns_that_answer_a_question_of_long_mem_eval_are_its_gold(tmp_path: Path) -> None:
    [conversation] = read(tmp_path, LONG_MEM_EVAL).conversations
    [question] = conversation.questions
    assert question.gold == ("001-b:1",)
    assert question.asked_at == datetime(2023, 5, 30, 10, tzinfo=timezone.utc)


def test_a_history_in_which_nothing_answers_has_no_question(tmp_path: Path) -> None:
    sample = {**LONG_MEM_EVAL[0], "haystack_sessions": [[], []]}
    assert read(tmp_path, [sample]).conversations[0].questions == ()


def test_our_own_form_is_read(tmp_path: Path) -> None:
    corpus = read(tmp_path, OWN)
    [conversation] = corpus.conversations
    assert corpus.name == "pets"
    assert conversation.utterances[0].session == "s1"
    assert [one.asked_at for one in conversation.questions] == [
        datetime(2024, 6, 1, tzinfo=timezone.utc),
        None,
    ]


def test_gold_that_nobody_said_is_refused(tmp_path: Path) -> None:
    wrong = json.loads(json.dumps(OWN).replace('"gold": ["s1:1"]', '"gold": ["s1:2"]'))
    with pytest.raises(ValueError, match=r"gold of 'Which pet\?' must be ids of utterances"):
        read(tmp_path, wrong)


@pytest.mark.parametrize("content", [[], {}, [{"text": "x"}]])
def test_another_form_is_refused_with_the_known_ones(tmp_path: Path, content: object) -> None:
    with pytest.raises(ValueError, match="'haystack_sessions'"):
        read(tmp_path, content)


def test_pooled_conversations_are_one_memory_with_distinct_ids(tmp_path: Path) -> None:
    twice = {**OWN, "conversations": [{**OWN["conversations"][0], "id": id} for id in "ab"]}
    [pool] = read(tmp_path, twice).pooled().conversations
    assert [one.id for one in pool.utterances] == ["a/s1:1", "b/s1:1"]
    assert [one.session for one in pool.utterances] == ["a.s1", "b.s1"]
    assert [(one.gold, one.group) for one in pool.questions[::2]] == [
        (("a/s1:1",), "a"),
        (("b/s1:1",), "b"),
    ]


def test_generated_talk_follows_from_its_seed() -> None:
    first, again = generated_corpus([7]), generated_corpus([7])
    assert first == again
    [conversation] = first.conversations
    assert len(conversation.utterances) == 5815
    kinds = Counter(question.kind for question in conversation.questions)
    assert kinds == {"fact": 200, "when": 80, "several": 60, "meaning": 32, "number": 28}
    assert len({question.group for question in conversation.questions}) == 30


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_written_corpora_are_whole(path: Path) -> None:
    for conversation in read_corpus(path).conversations:
        ids = [one.id for one in conversation.utterances]
        assert len(set(ids)) == len(ids)
        assert conversation.questions

"""What a model is shown, and whether the answer is in it."""

from datetime import datetime, timezone
from typing import Any

import pytest

from benchmarks.memory.blocks import drawn, is_shown, on_one_line, shown
from benchmarks.memory.corpora import Conversation, Corpus, Question, Utterance
from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory

DAY = datetime(2024, 5, 1, tzinfo=timezone.utc)
LONG = " ".join(f"word{number}" for number in range(100))


def test_a_short_text_is_shown_as_a_whole() -> None:
    assert is_shown("My cat\nis called Turing.", "1 May — Mira: My cat is called Turing. — …")
    assert not is_shown("My cat is called Turing.", "My cat is called …")


@pytest.mark.parametrize(("length", "enough"), [(99, False), (100, True), (150, True)])
def test_of_a_long_text_a_stretch_is_enough(length: int, enough: bool) -> None:
    assert is_shown(LONG, f"…{LONG[300 : 300 + length]}…") == enough


def test_texts_are_compared_as_the_block_writes_them() -> None:
    assert on_one_line("a\u200b — b\r\n\tc") == "a – b c"


def conversation() -> Conversation:
    texts = ("My cat is called Turing.", "A dog barks.", "Shipments left the harbor.")
    said = (Utterance(str(n), "s", DAY.replace(hour=n), "Mira", t) for n, t in enumerate(texts))
    return Conversation(
        "mira", tuple(said), (Question("What is the cat called?", "fact", ("0",), "c"),)
    )


@pytest.mark.parametrize("how", [{"mode": "relevant"}, {"mode": "latest"}])
def test_the_answer_is_found_among_what_is_shown(
    how: dict[str, Any], postgres_dsn: str, schema_name: str
) -> None:
    talk = conversation()
    [question] = talk.questions
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        nothing = shown(store, talk, question, how)
        ConversationMemory(store, talk.id).save_turns(one.turn() for one in talk.passages())
        found = shown(store, talk, question, how)
    assert (nothing.shares, nothing.tokens) == (0, 0)
    assert found.shares == 1
    assert found.tokens > 0


def test_the_same_questions_are_drawn_at_each_run() -> None:
    questions = tuple(Question(str(n), "fact", ("0",), "c") for n in range(100))
    corpus = Corpus("one", (Conversation("c", (), questions),))
    assert drawn(corpus, 50) == drawn(corpus, 50)
    assert len(drawn(corpus, 50)) == len({one.text for _, one in drawn(corpus, 50)}) == 50

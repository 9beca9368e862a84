"""Turns that 0.1.0 saved: read, found and exported as before, and after `reindex` as new ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn
from langgraph_agentstore.conversations.turns import turn_of_messages
from langgraph_agentstore.model.text_fields import searchable
from langgraph_agentstore.transfer import copy, export, import_
from tests.support.embedders import words_vector
from tests.support.faults import execute

BEGINNING = datetime(2024, 2, 1, tzinfo=timezone.utc)
MONTHS = "January February March April May June July August September October November December"
DIMS = 32


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [words_vector(text, DIMS) for text in texts]


INDEXES: dict[str, dict[str, Any]] = {
    "words": {"mode": "text"},
    "both": {"mode": "hybrid", "embed": embed, "dims": DIMS, "model": "m"},
}


class Stores:
    """Opens stores in schemas of their own, all with one index."""

    def __init__(self, dsn: str, prefix: str, index: dict[str, Any]) -> None:
        self.dsn, self._prefix, self._index = dsn, prefix, index
        self._opened: list[AgentStore] = []

    def open(self, name: str) -> AgentStore:
        self._opened.append(AgentStore(self.dsn, schema=self.schema(name), index=self._index))
        return self._opened[-1]

    def schema(self, name: str) -> str:
        return f"{self._prefix}_{name}"

    @property
    def has_vectors(self) -> bool:
        return bool(self._index["mode"] == "hybrid")

    def close(self) -> None:
        for store in self._opened:
            store.close()


@pytest.fixture(params=INDEXES)
def stores(request: pytest.FixtureRequest, postgres_dsn: str, schema_name: str) -> Iterator[Stores]:
    stores = Stores(postgres_dsn, schema_name, INDEXES[request.param])
    yield stores
    stores.close()


def talk() -> list[Turn]:
    """Turns of every kind: short, long, without spaces, with speakers, of named messages."""
    long = " ".join(f"word{n} runs" for n in range(120))
    said = [
        ("Where is the cat?", "Under the bed."),
        ("Tell me everything", f"First this. {long} And at the end a zebra."),
        ("Caroline: I went to the harbour.", ""),
        ("猫はどこにいますか" * 40, "庭にいます。"),
        ("And now?", "It sleeps again, as ever."),
    ]
    turns = [
        new_turn("monday", query, response, {"n": n}, at=BEGINNING + timedelta(minutes=n))
        for n, (query, response) in enumerate(said)
    ]
    named = [HumanMessage("I like figs", name="Mary Ann"), AIMessage("Noted.", name="helper")]
    turns.append(turn_of_messages(named, "monday", at=BEGINNING + timedelta(hours=1)))
    return turns


def old_values(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The JSON that 0.1.0 stored: two texts, and no names beside the messages."""
    values = []
    for earlier, turn in zip([None, *turns[:-1]], turns, strict=True):
        day = f"{turn.timestamp.day} {MONTHS.split()[turn.timestamp.month - 1]} 2024"
        own = f"{day}: {turn.text}"
        context = [own] if earlier is None else [own, f"{day}: {earlier.text[-2000:]}\n{own}"]
        previous = None if earlier is None else earlier.key
        value = replace(turn, context=context, previous=previous).value()
        value.pop("speakers", None)
        values.append(value)
    return values


WORDS = """UPDATE {}.item SET indexed_paths = '["context[*]"]', words_by = NULL,
       words = to_tsvector('english', %(text)s),
       word_count = (SELECT sum(cardinality(positions))
                       FROM unnest(to_tsvector('english', %(text)s)))
 WHERE key = %(key)s"""
VECTORS = """INSERT INTO {}.item_vector_1
SELECT user_id, namespace, key, %(part)s, 'context[*]', version, hashtext(%(text)s), %(vector)s
  FROM {}.item WHERE key = %(key)s"""


def saved_by_0_1_0(stores: Stores, turns: Sequence[Turn]) -> AgentStore:
    """A store with the rows that 0.1.0 wrote: words of both texts, and a vector of each."""
    store, schema = stores.open("old"), stores.schema("old")
    view = store.for_user("ann")
    for turn, value in zip(turns, old_values(turns), strict=True):
        view.put(("conversations",), turn.key, value, index=False)
        texts = value["context"]
        words = searchable("\n".join(texts))
        execute(stores.dsn, WORDS, schema, text=words, key=turn.key)
        for part, text in enumerate(texts if stores.has_vectors else ()):
            row = {"key": turn.key, "part": part, "text": text, "vector": str(embed([text])[0])}
            execute(stores.dsn, VECTORS, schema, schema, **row)
    return store


def saved_now(stores: Stores, turns: Sequence[Turn]) -> AgentStore:
    store = stores.open("new")
    memory = ConversationMemory(store, "ann")
    for turn in turns[:2]:
        memory.save_turns([turn])
    memory.save_turns(turns[2:])
    return store


def indexed(stores: Stores, name: str) -> list[tuple[Any, ...]]:
    """All by which items are found: paths, words with positions and labels, vectors."""
    schema = stores.schema(name)
    items = "SELECT key, indexed_paths, words, word_count, words_by FROM {}.item ORDER BY key"
    rows = execute(stores.dsn, items, schema)
    if stores.has_vectors:
        [[number]] = execute(stores.dsn, "SELECT number FROM {}.vector_set", schema)
        vectors = "SELECT key, part, path, digest, embedding::text FROM {}.{} ORDER BY key, part"
        rows += execute(stores.dsn, vectors, schema, f"item_vector_{number}")
    return rows


def without_context(turns: Iterable[Turn]) -> list[Turn]:
    return [replace(turn, context=None, previous=None) for turn in turns]


QUESTIONS = {"What about the harbour?": 2, "zebra": 1, "猫はどこ": 3, "Who likes figs?": 5}


def answers(memory: ConversationMemory) -> dict[str, int]:
    """The best turn for each question, by its minute."""
    keys = [turn.key for turn in memory.turns()]
    return {one: keys.index(memory.search(one, limit=1)[0].key) for one in QUESTIONS}


def test_old_turns_are_read_found_and_resumed_as_before(stores: Stores) -> None:
    given = talk()
    memory = ConversationMemory(saved_by_0_1_0(stores, given), "ann")
    assert without_context(memory.turns()) == given
    for question, number in QUESTIONS.items():
        assert given[number].key in [turn.key for turn in memory.search(question, limit=2)]
    memory.save_turn("Is it late?", "It is.", "monday")
    assert [turn.query for turn in memory.turns("monday")][-2:] == ["I like figs", "Is it late?"]
    assert [message.text for message in memory.messages("monday")][-3:] == [
        *("Noted.", "Is it late?", "It is."),
    ]


def test_reindexed_they_have_the_words_labels_and_vectors_of_new_turns(stores: Stores) -> None:
    given = talk()
    old, new = saved_by_0_1_0(stores, given), saved_now(stores, given)
    assert indexed(stores, "old") != indexed(stores, "new")
    before = list(ConversationMemory(old, "ann").turns())
    assert old.reindex(progress=None) == len(before)
    assert indexed(stores, "old") == indexed(stores, "new")
    assert list(ConversationMemory(old, "ann").turns()) == before
    assert answers(ConversationMemory(old, "ann")) == answers(ConversationMemory(new, "ann"))
    assert old.reindex(progress=None) == (len(before) if stores.has_vectors else 0)


def test_copied_or_saved_again_they_have_them_too(stores: Stores) -> None:
    given = talk()
    old = saved_by_0_1_0(stores, given)
    saved_now(stores, given)
    copy(old, stores.open("copy"))
    ConversationMemory(stores.open("again"), "ann").save_turns(
        ConversationMemory(old, "ann").turns()
    )
    assert indexed(stores, "copy") == indexed(stores, "new") == indexed(stores, "again")


def test_so_do_those_of_an_export(stores: Stores, tmp_path: Path) -> None:
    given = talk()
    old = saved_by_0_1_0(stores, given)
    saved_now(stores, given)
    export(old, tmp_path / "items.jsonl")
    import_(stores.open("import"), tmp_path / "items.jsonl")
    assert indexed(stores, "import") == indexed(stores, "new")


def test_old_and_new_turns_are_exported_alike(stores: Stores, tmp_path: Path) -> None:
    given = talk()
    stored = {"old": saved_by_0_1_0(stores, given), "new": saved_now(stores, given)}
    for name, store in stored.items():
        ConversationMemory(store, "ann").export(tmp_path / f"{name}.md")
    old, new = ((tmp_path / f"{name}.md").read_text(encoding="utf-8") for name in stored)
    assert old == new
    assert "Mary Ann" in new

"""Text search in languages without spaces between words, or with particles joined to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore, ScoredItem, transfer
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import DataStore
from tests.search.sentences import SENTENCES
from tests.support.faults import execute
from tests.support.matrices import few

NS = ("users", "ann", "notes")
LANGUAGES = sorted(SENTENCES)


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Callable[..., AgentStore]:
    """Call it with options of the index for a store on the test's schema."""

    def opened(**options: Any) -> AgentStore:
        return AgentStore(postgres_dsn, schema=schema_name, index={"fields": ["text"], **options})

    return opened


@pytest.fixture
def store(open_store: Callable[..., AgentStore]) -> Iterator[AgentStore]:
    with open_store() as store:
        yield store


def fill(store: AgentStore, texts: list[str]) -> None:
    store.batch([PutOp(NS, text, {"text": text}) for text in texts])


def found_by(store: AgentStore, query: str, **options: Any) -> list[str]:
    return [item.key for item in store.search(NS, query=query, limit=100, **options)]


@few(9)
@pytest.mark.parametrize("text_search", ["english", "simple", "german"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_found_within_sentences(
    open_store: Callable[..., AgentStore], language: str, text_search: str
) -> None:
    sentences = SENTENCES[language]
    if text_search != "english":
        sentences = [pair for pair in sentences if pair[1] != "sleeping"]
    with open_store(language=text_search) as store:
        fill(store, [sentence for sentence, _ in sentences])
        missed = [word for sentence, word in sentences if sentence not in found_by(store, word)]
    assert missed == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_the_word_comes_first(store: AgentStore, language: str) -> None:
    fill(store, [sentence for sentence, _ in SENTENCES[language]])
    worse = []
    for _, word in SENTENCES[language]:
        having = {sentence for sentence, _ in SENTENCES[language] if word in sentence}
        if not having <= set(found_by(store, word)[: len(having)]):
            worse.append(word)
    assert worse == []


def same_vector(texts: Any) -> list[list[float]]:
    return [[1.0, 0.0]] * len(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hybrid_search_lists_what_has_the_word(
    open_store: Callable[..., AgentStore], language: str
) -> None:
    """Vectors that are all equal leave the order to the words."""
    with open_store(dims=2, embed=same_vector, mode="hybrid") as store:
        fill(store, [sentence for sentence, _ in SENTENCES[language]])
        missed = []
        for sentence, word in SENTENCES[language]:
            found = store.search(NS, query=word, limit=100)
            ranks = {one.key: one.text_rank for one in found if isinstance(one, ScoredItem)}
            if ranks[sentence] is None or found[0].key not in found_by(store, word, mode="text"):
                missed.append(word)
    assert missed == []


def test_a_hybrid_search_takes_a_query_of_one_character(
    open_store: Callable[..., AgentStore],
) -> None:
    with open_store(dims=2, embed=same_vector, mode="hybrid") as store:
        fill(store, [CAT, "明天早上八点开会"])
        first, second = store.search(NS, query="猫")
    assert isinstance(first, ScoredItem)
    assert isinstance(second, ScoredItem)
    assert (first.key, first.text_rank, second.text_rank) == (CAT, 1, None)


# Whatever writes, and whatever asks

CAT = "我的猫喜欢睡在窗台上"
ITEM = PutOp(NS, CAT, {"text": CAT})


def by_put(store: AgentStore) -> None:
    store.put(NS, CAT, {"text": CAT})


def by_load(store: AgentStore) -> None:
    store.load([ITEM])


def by_load_over_items(store: AgentStore) -> None:
    store.put(NS, CAT, {"text": "nothing"})
    store.load([ITEM])


def by_update(store: AgentStore) -> None:
    store.put(NS, CAT, {"text": "nothing"})
    store.update(NS, CAT, lambda _: {"text": CAT})


def by_a_view(store: AgentStore) -> None:
    store.for_user("ann").put(("notes",), CAT, {"text": CAT})


@pytest.mark.parametrize("write", [by_put, by_load, by_load_over_items, by_update, by_a_view])
def test_every_way_of_writing_makes_words(
    store: AgentStore, write: Callable[[AgentStore], None]
) -> None:
    write(store)
    assert found_by(store, "窗台") == [CAT]


def test_an_import_makes_words(store: AgentStore, tmp_path: Any) -> None:
    store.batch([ITEM])
    file = tmp_path / "items.jsonl"
    transfer.export(store, file)
    store.delete(NS, CAT)
    transfer.import_(store, file)
    assert found_by(store, "窗台") == [CAT]


def test_what_an_earlier_version_wrote_is_found_after_a_reindexing(
    store: AgentStore,
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store.batch([ITEM])
    execute(
        postgres_dsn,
        """UPDATE {}.item SET words = to_tsvector('english', value->>'text'),
                             words_by = words_by - 1""",
        schema_name,
    )
    assert found_by(store, "窗台") == []
    with open_store() as opened:
        assert "reindex()" in caplog.text
        opened.reindex()
        assert found_by(opened, "窗台") == [CAT]


@pytest.mark.parametrize("language", LANGUAGES)
def test_turns_of_a_conversation_are_found(store: AgentStore, language: str) -> None:
    memory = ConversationMemory(store, "ann")
    for sentence, _ in SENTENCES[language]:
        memory.save_turn(sentence, "…", "monday")
    missed = [
        word
        for sentence, word in SENTENCES[language]
        if sentence not in [turn.query for turn in memory.search(word, limit=5)]
    ]
    assert missed == []


def test_records_of_a_data_store_are_found(store: AgentStore) -> None:
    records = DataStore(store, "ann", None)
    records.set("cat", {"text": CAT})
    assert [found.key for found in records.search("窗台")] == ["cat"]


# The syntax, in every language


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("猫", [CAT]),
        ("台", [CAT]),
        ("上", [CAT]),
        ('"喜欢睡"', [CAT]),
        ('"睡喜欢"', []),
        ('"猫"', [CAT]),
        ('"犬"', []),
        ("＂喜欢睡＂", [CAT]),
        ("猫 -窗台", []),
        ("猫 －窗台", []),
        ("猫 -犬", [CAT]),
        ('猫 -"喜欢睡"', []),
        ("-猫", []),
        ("ＬＡＮＧ 猫", [CAT]),
    ],
)
def test_the_syntax_holds_in_scripts_without_spaces(
    store: AgentStore, query: str, finds: list[str]
) -> None:
    store.put(NS, CAT, {"text": CAT})
    assert found_by(store, query) == finds


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我喜欢 LangGraph 的 store", '"喜欢 LangGraph 的 store"'),
        ("我喜欢LangGraph的store", '"喜欢LangGraph"'),
        ("ﾃﾞｰﾀﾍﾞｰｽ", "データベース"),
        ("データベース", "ﾍﾞｰｽ"),
        ("ＰｏｓｔｇｒｅＳＱＬ", "postgresql"),
        ("고양이가 잔다", "고양이가"),
        ("ខ្ញុំ\u200bញ៉ាំ\u200bបាយ", "ញ៉ាំបាយ"),
        ("น้ำแข็ง", "น้ำ"),
        ("cafe\u0301", "café"),
        ("葛\U000e0100飾区", "葛飾"),
        ("𠮷野家で食べた", "𠮷野家"),
        ("人々の声", "人々"),
    ],
)
def test_forms_of_one_text_find_each_other(store: AgentStore, text: str, query: str) -> None:
    store.put(NS, "k", {"text": text})
    assert found_by(store, query) == ["k"]


def test_the_matched_words_are_told_as_they_stood_in_the_query(store: AgentStore) -> None:
    store.put(NS, CAT, {"text": f"{CAT} with two printers"})
    [item] = store.search(NS, query="窗台, 犬, a printer? 喜欢的猫")
    assert isinstance(item, ScoredItem)
    assert item.matched_words == ("窗台", "printer", "喜欢", "的猫")


def test_the_longest_text_can_be_written(store: AgentStore) -> None:
    text = "".join(chr(0x4E00 + (n * n * 31 + n * 7) % 20_000) for n in range(100_000))
    store.put(NS, "long", {"text": text})
    assert found_by(store, text[50:54]) == ["long"]


# Against a plain model


def some_texts(chance: random.Random) -> list[str]:
    """Of few characters, so that they meet: Chinese, kana, Korean, Thai, and some Latin words."""
    pieces = [*"猫犬喜欢的ねこカナ고양이แมวน", "น้", " ", "cat "]
    texts = ("".join(chance.choices(pieces, k=chance.randint(1, 12))) for _ in range(60))
    return [text for text in dict.fromkeys(texts) if not text.isspace()]


@pytest.mark.parametrize("seed", range(3))
def test_a_phrase_finds_just_what_has_it(store: AgentStore, seed: int) -> None:
    chance = random.Random(seed)
    texts = some_texts(chance)
    fill(store, texts)
    for length in (1, 2, 2, 3, 3, 4) * 5:
        phrase = "".join(chance.choices("猫犬喜欢的ねこ고", k=length))
        assert set(found_by(store, f'"{phrase}"')) == {text for text in texts if phrase in text}


@pytest.mark.parametrize("seed", range(3))
def test_a_word_finds_what_has_one_of_its_pairs(store: AgentStore, seed: int) -> None:
    chance = random.Random(seed)
    texts = some_texts(chance)
    fill(store, texts)
    for length in (1, 2, 2, 3, 3, 4) * 5:
        word = "".join(chance.choices("猫犬喜欢的ねこ고", k=length))
        pairs = [word[n : n + 2] for n in range(max(1, length - 1))]
        having = {text for text in texts if any(pair in text for pair in pairs)}
        assert set(found_by(store, word)) == having

"""What every storage type does alike: each fact runs on each of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import Op, Result, SearchOp
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.errors import (
    ConfigurationError,
    InvalidKeyError,
    InvalidOperationError,
    InvalidValueError,
    MissingMemoryError,
    UnknownOperatorError,
    ValueTypeError,
)
from langgraph_agentstore.memory_agent import STORAGE_TYPES, MemoryAgent
from tests.sql.filters.filter_cases import CASES, Case
from tests.support.matrices import few
from tests.support.memory_agents import KEY, LOCAL, open_agent

HOSTILE: list[Any] = [
    None,
    True,
    0,
    -1.5,
    2.0**60,
    2**64 - 1,
    "",
    "2024-01-01",
    "yes",
    "línea\nnueva\r\n\ttab \u2028 \x85 🐈",
    [],
    {},
    [None, [1, {"a": []}]],
    {"value": 1},
    {"a.b": {"": None}, "$x": "null", "~": "=1+1"},
]
HOSTILE_KEYS = ["a", "a/b", "users:ada", "ключ", "🐈", "q\"u,o'te", "line\nend\r\n", "%2E.", " "]


@pytest.fixture(params=LOCAL)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def agent(kind: str, tmp_path: Path) -> Iterator[MemoryAgent]:
    with open_agent(kind, tmp_path) as agent:
        yield agent


@pytest.fixture(scope="module", params=LOCAL)
def shared(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[MemoryAgent]:
    with open_agent(request.param, tmp_path_factory.mktemp("filters")) as agent:
        yield agent


@few(200)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_operator_means_what_the_table_says(shared: MemoryAgent, case: Case) -> None:
    values = [*case.matching, *case.other]
    singles = [value for value in values if not isinstance(value, list)]
    place = f"case {CASES.index(case):03}/"
    shared.batch_store((f"{place}{n:03}", value) for n, value in enumerate(singles))
    shared.store_memory("many", values)
    matching = [value for value in case.matching if not isinstance(value, list)]

    assert shared.search_memory("many", case.filter) == case.matching
    assert shared.search_memory(place, case.filter) == matching
    assert shared.retrieve_memory("many", case.filter) == case.matching


@pytest.mark.parametrize("data", HOSTILE, ids=ascii)
def test_any_json_comes_back_as_it_was(agent: MemoryAgent, data: Any) -> None:
    agent.store_memory("key", data)
    back = agent.retrieve_memory("key")
    assert (back, type(back)) == (data, type(data))
    assert repr(back) == repr(data)


def test_any_key_finds_its_own_memory(agent: MemoryAgent) -> None:
    assert agent.batch_store((key, [key]) for key in HOSTILE_KEYS) == len(HOSTILE_KEYS)
    assert [agent.retrieve_memory(key) for key in HOSTILE_KEYS] == [[key] for key in HOSTILE_KEYS]
    assert agent.list_memories() == sorted(HOSTILE_KEYS)


def test_storing_again_replaces(agent: MemoryAgent) -> None:
    agent.store_memory("a", {"x": 1})
    agent.store_memory("a", {"y": 2})
    assert agent.retrieve_memory("a") == {"y": 2}


def test_nothing_is_none(agent: MemoryAgent) -> None:
    assert agent.retrieve_memory("a") is None
    assert agent.retrieve_memory("a", {"x": 1}) is None
    assert agent.search_memory("a") == agent.search_memory("a/") == agent.list_memories() == []
    assert agent.related("a") == []


def test_what_was_retrieved_is_the_callers_own(agent: MemoryAgent) -> None:
    agent.store_memory("a", given := {"x": [1]})
    given["x"].append(2)
    agent.retrieve_memory("a")["x"].append(3)
    agent.search_memory("a")[0]["x"].append(4)
    assert agent.retrieve_memory("a") == {"x": [1]}


def test_a_filter_of_retrieve_lets_an_object_pass_or_not(agent: MemoryAgent) -> None:
    agent.store_memory("a", {"x": 1})
    assert agent.retrieve_memory("a", {"x": {"$gte": 1}}) == {"x": 1}
    assert agent.retrieve_memory("a", {"x": {"$gt": 1}}) is None


def test_a_filter_of_retrieve_picks_the_elements_of_a_list(agent: MemoryAgent) -> None:
    agent.store_memory("a", [{"x": 1}, {"x": 2}, 3])
    assert agent.retrieve_memory("a", {"x": {"$gt": 1}}) == [{"x": 2}]
    assert agent.retrieve_memory("a", {"value": 3}) == [3]
    assert agent.retrieve_memory("a", {"x": 9}) == []


def test_an_update_merges_objects_by_their_fields(agent: MemoryAgent) -> None:
    agent.store_memory("a", {"x": {"deep": 1}, "y": 1})
    assert agent.update_memory("a", {"x": {"new": 2}}) == {"x": {"new": 2}, "y": 1}
    assert agent.retrieve_memory("a") == {"x": {"new": 2}, "y": 1}


@pytest.mark.parametrize(("old", "new"), [([1], [2]), ({"x": 1}, [2]), (1, {"x": 1}), (1, None)])
def test_an_update_replaces_what_is_no_object(agent: MemoryAgent, old: Any, new: Any) -> None:
    agent.store_memory("a", old)
    agent.update_memory("a", new)
    assert agent.retrieve_memory("a") == new


def test_an_update_of_nothing_is_a_key_error_and_writes_nothing(agent: MemoryAgent) -> None:
    with pytest.raises(KeyError, match="no memory 'a'") as raised:
        agent.update_memory("a", {"x": 1})
    assert isinstance(raised.value, MissingMemoryError)
    assert agent.list_memories() == []


def test_deleting_says_whether_there_was_something(agent: MemoryAgent) -> None:
    agent.store_memory("a", None)
    assert agent.delete_memory("a") is True
    assert agent.delete_memory("a") is False
    assert agent.retrieve_memory("a") is None


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([("a", 1), ("b", float("nan"))], InvalidValueError),
        ([("a", 1), ("b", {1, 2})], ValueTypeError),
        ([("a", 1), ("", 2)], InvalidKeyError),
        ([("a", 1), ("b\x00", 2)], InvalidKeyError),
        ([("a", 1), ("b", {"$plain": 1})], InvalidValueError),
        ([("a", 1), ("b", {"$encrypted": 1})], InvalidValueError),
        ([("a", 1), "b"], InvalidOperationError),
    ],
)
def test_a_batch_with_one_bad_memory_writes_none(
    agent: MemoryAgent, pairs: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"number 1\b"):
        agent.batch_store(pairs)
    assert agent.list_memories() == []


def test_of_equal_keys_in_a_batch_the_last_stays(agent: MemoryAgent) -> None:
    assert agent.batch_store([("a", 1), ("b", 2), ("a", 3)]) == 3
    assert agent.batch_store([]) == 0
    assert (agent.retrieve_memory("a"), agent.retrieve_memory("b")) == (3, 2)


def test_a_collection_is_what_begins_with_its_name(agent: MemoryAgent) -> None:
    agent.batch_store([("log/2", 2), ("log/1", [1, 1]), ("log", 0), ("logs/3", 3), ("log:4", 4)])
    assert agent.search_memory("log/") == [1, 1, 2]
    assert agent.search_memory("log:") == [4]
    assert agent.search_memory("log") == [0]
    assert agent.list_memories("log/") == ["log/1", "log/2"]
    assert agent.list_memories("logs") == ["logs/3"]


def test_a_filter_that_has_no_meaning_is_refused(agent: MemoryAgent) -> None:
    for ask in (agent.search_memory, agent.retrieve_memory):
        with pytest.raises(UnknownOperatorError, match=r"\$near"):
            ask("a/", {"x": {"$near": 1}})


def test_a_filter_as_deep_as_it_may_be_is_answered(agent: MemoryAgent) -> None:
    filter: dict[str, Any] = {"x": 1}
    while True:
        deeper = {"$or": [filter]}
        try:
            agent.search_memory("a", deeper)
        except ValueError:
            break
        filter = deeper
    agent.batch_store([("a/1", {"x": 1}), ("a/2", {"x": 2})])
    assert agent.search_memory("a/", filter) == [{"x": 1}]


def test_links_lead_from_one_memory_to_others(agent: MemoryAgent) -> None:
    agent.batch_store((key, {}) for key in ("talk", "ada", "bob"))
    agent.link("talk", "bob", "with")
    agent.link("talk", "ada", "with")
    agent.link("talk", "ada", "about")
    agent.link("talk", "ada", "about")
    assert agent.related("talk") == [("about", "ada"), ("with", "ada"), ("with", "bob")]
    assert [link.key for link in agent.related("talk", "with")] == ["ada", "bob"]
    assert agent.related("ada") == []
    assert agent.list_memories() == ["ada", "bob", "talk"]


def test_links_go_with_either_end(agent: MemoryAgent) -> None:
    agent.batch_store((key, {}) for key in ("a", "b", "c"))
    agent.link("a", "b", "r")
    agent.link("b", "c", "r")
    agent.link("a", "c", "r")
    agent.delete_memory("b")
    assert agent.related("a") == [("r", "c")]
    agent.store_memory("b", {})
    assert agent.related("b") == []


def test_a_link_needs_both_ends_and_a_relation(agent: MemoryAgent) -> None:
    agent.store_memory("a", {})
    with pytest.raises(KeyError, match="no memory 'b'"):
        agent.link("a", "b", "r")
    with pytest.raises(InvalidOperationError, match="relation"):
        agent.link("a", "a", "")
    assert agent.related("a") == []


def test_a_users_agent_reaches_no_other_users(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path) as nobodys:
        # "a_a" and "a%" would match others where prefixes are compared by LIKE.
        users = ["a", "ab", "a.b", "a%2Eb", "a_b", "a%", "ada@example.com", "users"]
        store = nobodys._storage.store
        key = {"encryption_key": KEY} if kind == "pickle" else {}
        agents = [MemoryAgent(store=store, user_id=user, **key) for user in users]  # type: ignore[arg-type]
        nobodys.store_memory("x", "nobody")
        for user, agent in zip(users, agents, strict=True):
            agent.store_memory("x", user)
            agent.store_memory(user, {})
            agent.link("x", user, user)
        for user, agent in zip(users, agents, strict=True):
            assert agent.retrieve_memory("x") == user
            assert agent.list_memories() == sorted(["x", user])
            assert agent.related("x") == [(user, user)]
        agents[0].delete_memory("x")
        assert agents[1].retrieve_memory("x") == "ab"
        assert nobodys.list_memories() == ["x"]


class ComparingCharacters(InMemoryStore):
    """A store whose search takes prefixes for texts, as some do: finding too much."""

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        wider = [op._replace(namespace_prefix=()) if isinstance(op, SearchOp) else op for op in ops]
        return super().batch(wider)


def test_a_store_that_finds_too_much_shows_no_user_anothers() -> None:
    store = ComparingCharacters()
    agents = {user: MemoryAgent(store=store, user_id=user) for user in ("a", "ab")}
    for user, agent in agents.items():
        agent.store_memory(f"{user}'s", {"of": user})
    assert agents["a"].list_memories() == ["a's"]
    assert [item.key for item in agents["ab"].store.search(())] == ["ab's"]


def test_namespaces_keep_memories_apart(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path) as agent:
        store, key = agent.store, {"encryption_key": KEY} if kind == "pickle" else {}
        work = MemoryAgent(store=store, namespace="memories:work", **key)  # type: ignore[arg-type]
        same = MemoryAgent(store=store, namespace=("memories", "work"), **key)  # type: ignore[arg-type]
        work.store_memory("x", 1)
        agent.store_memory("x", 2)
        assert (same.list_memories(), same.retrieve_memory("x")) == (["x"], 1)
        assert agent.search_memory("x") == [2]
        assert agent.list_memories() == ["x"]


@pytest.mark.parametrize("kind", [kind for kind in LOCAL if kind != "memory"])
def test_memories_are_there_for_the_next_agent(kind: str, tmp_path: Path) -> None:
    with open_agent(kind, tmp_path, user_id="ada") as agent:
        agent.batch_store([("a", [1]), ("b", {"x": None})])
        agent.link("a", "b", "r")
    with open_agent(kind, tmp_path, user_id="ada") as again:
        assert again.search_memory("a") == [1]
        assert again.retrieve_memory("b") == {"x": None}
        assert again.related("a") == [("r", "b")]


@few(2)
def test_more_than_one_statement_holds_is_stored_at_once(kind: str, tmp_path: Path) -> None:
    count = {"sqlite": 51_000, "csv": 12_000}.get(kind, 300)  # SQLite allows 250,000 parameters
    with open_agent(kind, tmp_path) as agent:
        assert agent.batch_store((f"k/{n:05}", {"n": n}) for n in range(count)) == count
        assert len(agent.list_memories()) == count
        assert agent.search_memory("k/", {"n": {"$gte": count - 2}})[-1] == {"n": count - 1}


async def test_every_method_has_an_awaitable_form(kind: str, tmp_path: Path) -> None:
    methods = {
        name
        for name, _ in inspect.getmembers(MemoryAgent, inspect.isfunction)
        if not name.startswith("_") and name != "generate_key"
    }
    blocking = {name for name in methods if f"a{name}" in methods}
    assert methods == blocking | {f"a{name}" for name in blocking}
    for name in blocking:
        one, other = getattr(MemoryAgent, name), getattr(MemoryAgent, f"a{name}")
        assert inspect.iscoroutinefunction(other)
        assert inspect.signature(one).parameters == inspect.signature(other).parameters

    async with open_agent(kind, tmp_path) as agent:
        await agent.astore_memory("a", {"x": 1})
        assert await agent.abatch_store([("b/1", [1]), ("b/2", 2)]) == 2
        assert await agent.aretrieve_memory("a", {"x": 1}) == {"x": 1}
        assert await agent.aupdate_memory("a", {"y": 2}) == {"x": 1, "y": 2}
        assert await agent.asearch_memory("b/", {"value": 2}) == [2]
        assert await agent.alist_memories("b/") == ["b/1", "b/2"]
        await agent.alink("a", "b/1", "r")
        assert await agent.arelated("a", "r") == [("r", "b/1")]
        assert await agent.abackup_data(tmp_path / "b.jsonl") == 4
        assert await agent.aexport(tmp_path / "b.csv") == 4
        assert await agent.adelete_memory("a")
        assert await agent.arestore_data(tmp_path / "b.jsonl") == 4
        assert await agent.aimport_(tmp_path / "b.csv", on_conflict="skip") == 0
        options = {"encryption_key": KEY} if kind == "pickle" else {}
        assert await agent.amigrate_to(open_agent("memory", tmp_path, **options)) == 4
        schedule = await agent.aschedule_backups(tmp_path / "backups", 60, 1)
        assert schedule.wait_for(1, 30)


def test_an_unknown_storage_type_names_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'paper' is not known") as raised:
        MemoryAgent("paper")
    assert isinstance(raised.value, ConfigurationError)
    assert all(name in str(raised.value) for name in STORAGE_TYPES)

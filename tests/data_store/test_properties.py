"""Whatever is done through `data_store` and through LangGraph's methods, it is as a dict says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import DataStore, DataStoreService
from langgraph_agentstore.model.namespaces import encode_labels, labels_named
from tests.data_store.steps import (
    AGENT,
    COINCIDING,
    JSON,
    KEYS,
    MAPPINGS,
    NAMESPACES,
    USERS,
    LangGraphStep,
    Step,
    sequences,
    shown,
)
from tests.support.data_store_model import Address, DataStoreModel, as_mapping, json_text
from tests.support.matrices import few

Examples: TypeAlias = Callable[[int], settings]
Steps: TypeAlias = "list[Step | LangGraphStep]"

LABEL = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00.:"), min_size=1, max_size=6
) | st.sampled_from(["%", "%3A", " ", "שלום", "🙂", "'", '"', "\\", "\uffff", "\U0010ffff", "/"])


class World:
    """A store, and a connection of its own to what is stored."""

    def __init__(self, dsn: str, index: Any) -> None:
        self.schema = f"data_store_{uuid4().hex[:12]}"
        self.store = AgentStore(dsn, schema=self.schema, index=index)
        self.store.setup()
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("SET synchronous_commit = off")

    def empty(self) -> DataStoreModel:
        # What was read before is counted now, or it might be of a record of the next example.
        DataStore(self.store, "anybody", None).flush()
        self.execute("DELETE FROM {}")
        self.execute("DELETE FROM {}", table="item_access")
        return DataStoreModel()

    def expire(self, address: Address) -> None:
        user, labels, key = address
        self.execute(
            "UPDATE {} SET expires_at = now() - interval '1 s', ttl = interval '1 s'"
            " WHERE user_id = %s AND namespace = %s AND key = %s",
            (user, encode_labels(labels), key),
        )

    def execute(self, statement: str, arguments: Any = (), *, table: str = "item") -> None:
        named = sql.Identifier(self.schema, table)
        self._connection.execute(sql.SQL(statement).format(named), arguments)

    def close(self) -> None:
        self.store.close()
        dropping = sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(self.schema))
        self._connection.execute(dropping)
        self._connection.close()


@pytest.fixture(
    scope="module", params=[None, {"mode": "text"}], ids=["without an index", "with an index"]
)
def world(postgres_dsn: str, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(postgres_dsn, request.param)
    yield world
    world.close()


@pytest.fixture(params=[0.4, pytest.param(10, marks=pytest.mark.slow)], ids=["some", "many"])
def examples(request: pytest.FixtureRequest) -> Examples:
    """Settings for a number of examples, or for many times that."""
    return lambda count: settings(
        max_examples=round(count * request.param),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )


def check_everything(store: AgentStore, model: DataStoreModel, agent: str | None) -> None:
    """Every record, seen by data stores and by LangGraph's methods, is the model's."""
    for user in {user for user, _, _ in model.kept}:
        view = store.for_user(user)
        mine = [(at, key) for owner, at, key in model.kept if owner == user]
        items = {(item.namespace, item.key): item.value for item in view.search((), limit=1000)}
        assert {at: json_text(value) for at, value in items.items()} == {
            (at, key): json_text(as_mapping(model.live(user, at)[key].value))
            for at, key in mine
            if key in model.live(user, at)
        }
        for labels in {at for at, _ in mine if not any(":" in label for label in at)}:
            calls: list[tuple[str, tuple[str, ...]]] = [
                *[("record", (key,)) for at, key in mine if at == labels],
                *[("get_all", ()), ("list_keys", ()), ("list_namespaces", ())],
            ]
            for method, arguments in calls:
                step = Step(user, ":".join(labels), agent, method, arguments, {})
                assert step.on_store(store) == step.on_model(model), step


def agent_of(steps: Steps) -> str | None:
    return steps[0].agent if isinstance(steps[0], Step) else AGENT


@few(1)
def test_any_sequence_of_calls_leaves_what_the_model_says(world: World, examples: Examples) -> None:
    @examples(100)
    @given(sequences())
    def holds(steps: Steps) -> None:
        model = world.empty()
        for step in steps:
            assert step.on_store(world.store) == step.on_model(model), step
        check_everything(world.store, model, agent_of(steps))

    holds()


def test_awaited_calls_leave_what_the_model_says(world: World, examples: Examples) -> None:
    @examples(40)
    @given(sequences())
    def holds(steps: Steps) -> None:
        model = world.empty()

        async def awaited() -> None:
            for step in steps:
                assert await step.awaited_on_store(world.store) == step.on_model(model), step

        asyncio.run(awaited())
        check_everything(world.store, model, agent_of(steps))

    holds()


def test_an_expired_record_is_absent_to_every_method(world: World, examples: Examples) -> None:
    @examples(40)
    @given(sequences(), st.data())
    def holds(steps: Steps, data: st.DataObject) -> None:
        model = world.empty()
        for step in steps:
            assert step.on_store(world.store) == step.on_model(model), step
            if model.kept and data.draw(st.integers(0, 2), label="expire one") == 0:
                address = data.draw(st.sampled_from(sorted(model.kept)))
                world.expire(address)
                model.expire(address)
        check_everything(world.store, model, agent_of(steps))

    holds()


@pytest.mark.parametrize("whole_tuple", [False, True], ids=["the user's view", "whole tuples"])
def test_what_langgraph_puts_is_read_by_data_store(
    world: World, examples: Examples, whole_tuple: bool
) -> None:
    @examples(60)
    @given(LABEL, st.lists(LABEL, min_size=1, max_size=3), KEYS, MAPPINGS)
    def holds(user: str, labels: list[str], key: str, value: dict[str, Any]) -> None:
        world.empty()
        if whole_tuple:
            world.store.put(("users", user, *labels), key, value)
        else:
            world.store.for_user(user).put(("a", *labels), key, value)
            labels = ["a", *labels]

        data_store = DataStore(world.store, user, None).use_namespace(":".join(labels))

        assert json_text(data_store.get(key)) == json_text(value)
        assert data_store.list_keys() == [key]
        assert data_store.list_namespaces() == [data_store.namespace]

    holds()


def test_what_data_store_sets_is_found_by_langgraph_in_every_namespace(
    world: World, examples: Examples
) -> None:
    """Also where its methods would not take the labels: empty ones, and those with a dot."""

    @examples(100)
    @given(USERS, NAMESPACES, KEYS, JSON)
    def holds(user: str, namespace: str, key: str, value: Any) -> None:
        world.empty()
        DataStore(world.store, user, None).use_namespace(namespace).set(key, value)
        labels = labels_named(namespace)
        text = json_text(as_mapping(value))

        (relative,) = world.store.for_user(user).search(())
        (absolute,) = world.store.search(("users",))
        (walked,) = world.store.iter_items(("users",))

        assert (relative.namespace, relative.key) == (labels, key)
        assert (absolute.namespace, absolute.key) == (("users", user, *labels), key)
        assert walked.namespace == absolute.namespace
        assert {json_text(item.value) for item in (relative, absolute, walked)} == {text}
        assert world.store.for_user(user).list_namespaces() == [labels]

    holds()


def test_a_listing_to_a_depth_keeps_labels_that_are_empty(world: World) -> None:
    world.empty()
    for namespace in (":b", "::", "a::b"):
        DataStore(world.store, "ann", None, namespace).set("k", 1)

    view = world.store.for_user("ann")
    assert view.list_namespaces(max_depth=1) == [("",), ("a",)]
    assert view.list_namespaces(max_depth=2) == [("", ""), ("", "b"), ("a", "")]
    assert world.store.list_namespaces(max_depth=3) == [("users", "ann", ""), ("users", "ann", "a")]


def test_a_listing_to_a_depth_goes_on_after_all_that_is_below_an_empty_label(
    world: World,
) -> None:
    world.empty()
    rows = [(f":{n}", "k", 1, None) for n in range(300)]
    DataStoreService(world.store).set_many("ann", [*rows, ("z", "k", 1, None)])

    assert world.store.for_user("ann").list_namespaces(max_depth=1, limit=10) == [("",), ("z",)]


def test_what_data_store_sets_is_got_by_langgraph_where_it_takes_the_labels(
    world: World, examples: Examples
) -> None:
    @examples(60)
    @given(LABEL, st.lists(LABEL, min_size=1, max_size=3), KEYS, JSON)
    def holds(user: str, labels: list[str], key: str, value: Any) -> None:
        world.empty()
        DataStore(world.store, user, None).use_namespace(":".join(labels)).set(key, value)

        item = world.store.get(("users", user, *labels), key)

        assert item is not None
        assert json_text(item.value) == json_text(as_mapping(value))

    holds()


def test_reading_through_langgraph_rewrites_nothing(world: World, examples: Examples) -> None:
    @examples(30)
    @given(KEYS, JSON)
    def holds(key: str, value: Any) -> None:
        world.empty()
        data_store = DataStore(world.store, "ann", None)
        data_store.set(key, value)
        world.store.get(("users", "ann", "default"), key)
        world.store.search(("users", "ann"))

        record = data_store.record(key)

        assert record is not None
        assert (json_text(record.value), record.version) == (json_text(value), 1)

    holds()


def test_users_and_namespaces_that_read_alike_are_different(
    world: World, examples: Examples
) -> None:
    near = st.sampled_from(COINCIDING) | st.tuples(USERS, NAMESPACES)

    @examples(40)
    @given(st.lists(near, min_size=2, max_size=6, unique=True), KEYS)
    def holds(places: list[tuple[str, str]], key: str) -> None:
        world.empty()
        proxies = {at: DataStore(world.store, at[0], None, at[1]) for at in places}
        for at, data_store in proxies.items():
            data_store.set(key, [*at])

        assert {at: proxy.get_all() for at, proxy in proxies.items()} == {
            at: {key: [*at]} for at in places
        }
        assert [proxy.clear() for proxy in proxies.values()] == [1] * len(places)

    holds()


def test_a_prefix_is_literal_whatever_its_last_character(world: World, examples: Examples) -> None:
    @examples(60)
    @given(st.lists(KEYS, min_size=1, max_size=12, unique=True), st.data())
    def holds(keys: list[str], data: st.DataObject) -> None:
        model = world.empty()
        prefix = data.draw(st.sampled_from(keys).map(lambda key: key[:1]) | KEYS)
        after = data.draw(st.none() | st.sampled_from(keys) | KEYS)
        limit = data.draw(st.none() | st.integers(0, 3))
        paging = {"after": after, "limit": limit}
        for method, arguments, options in (
            ("set_many", (dict.fromkeys([*keys, prefix, prefix + "a"], 1),), {}),
            ("list_keys", (prefix,), paging),
            ("items", (prefix,), {"page_size": 2}),
        ):
            step = Step("ann", "files", None, method, arguments, options)
            assert step.on_store(world.store) == step.on_model(model)

    holds()


def test_pages_make_up_the_whole(world: World, examples: Examples) -> None:
    @examples(30)
    @given(st.lists(KEYS, max_size=15, unique=True), st.integers(1, 4))
    def holds(keys: list[str], limit: int) -> None:
        world.empty()
        data_store = DataStore(world.store, "ann", None)
        data_store.set_many(dict.fromkeys(keys))

        walked: list[str] = []
        while page := data_store.list_keys(after=walked[-1] if walked else None, limit=limit):
            walked += page

        assert walked == data_store.list_keys() == sorted(keys)
        assert [key for key, _ in data_store.items(page_size=limit)] == walked

    holds()


def test_a_value_comes_back_as_it_was_given(world: World, examples: Examples) -> None:
    @examples(60)
    @given(KEYS, JSON)
    def holds(key: str, value: Any) -> None:
        world.empty()
        data_store = DataStore(world.store, "ann", None)
        data_store.set(key, value)

        assert shown(data_store.get(key, "absent")) == shown(value)
        assert shown(data_store.get_many([key])) == shown({key: value})

    holds()

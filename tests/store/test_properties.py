"""Whatever is done to a store, in whatever order and by however many, it is as its model says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.model.namespaces import Labels, decode_labels, sort_key
from langgraph_agentstore.model.users import Scope
from langgraph_agentstore.store.user_views import ItemStore
from tests.support.store_model import StoreModel, shown
from tests.support.store_steps import Step, count_up, sequences, writes_and_reads

Examples: TypeAlias = Callable[[int], settings]

TEMPLATES: dict[str, tuple[str, ...] | None] = {
    "users first": ("users", "{user_id}"),
    "user first": ("{user_id}",),
    "memories first": ("memories", "{user_id}"),
    "no users": None,
}
VIEWS = [*TEMPLATES, "one user's"]


class World:
    """Stores over one table, each with its own idea of what is a user."""

    def __init__(self, dsn: str) -> None:
        self.schema = f"properties_{uuid4().hex[:12]}"
        self.stores = {
            name: AgentStore(dsn, schema=self.schema, users=template)
            for name, template in TEMPLATES.items()
        }
        self.stores["users first"].setup()
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("SET synchronous_commit = off")

    def view(self, name: str) -> ItemStore:
        return self.stores.get(name) or self.stores["users first"].for_user("alice")

    def empty(self) -> None:
        self.execute("DELETE FROM {}")

    def execute(self, statement: str, *arguments: Any) -> psycopg.Cursor[Any]:
        table = sql.Identifier(self.schema, "item")
        return self._connection.execute(sql.SQL(statement).format(table), arguments)

    def close(self) -> None:
        for store in self.stores.values():
            store.close()
        self._connection.execute(
            sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(self.schema))
        )
        self._connection.close()


@pytest.fixture(scope="module")
def world(postgres_dsn: str) -> Iterator[World]:
    world = World(postgres_dsn)
    yield world
    world.close()


@pytest.fixture(params=[0.4, pytest.param(20, marks=pytest.mark.slow)], ids=["some", "many"])
def examples(request: pytest.FixtureRequest) -> Examples:
    """Settings for a number of examples, or for many times that."""
    return lambda count: settings(
        max_examples=round(count * request.param),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )


def scope_of(view: ItemStore) -> Scope:
    return view.planner.scope


def check_everything(view: ItemStore, model: StoreModel, root: Labels = ()) -> None:
    assert shown(list(view.iter_items(root, page_size=3))) == model.iter_items(root)
    assert shown(view.search(root, limit=1000)) == model.search(root, limit=1000)
    assert view.list_namespaces(prefix=root, limit=1000) == model.list_namespaces(root, limit=1000)
    assert view.count(root) == model.count(root)
    for namespace in {namespace for namespace, _ in model.items}:
        assert shown(view.search(namespace, limit=2)) == model.search(namespace, limit=2)
        assert view.count(namespace) == model.count(namespace)


@pytest.mark.parametrize("name", VIEWS)
def test_any_sequence_of_calls_leaves_what_the_model_says(
    world: World, name: str, examples: Examples
) -> None:
    view = world.view(name)

    @examples(25)
    @given(sequences())
    def holds(steps: list[Step]) -> None:
        world.empty()
        model = StoreModel(scope_of(view))
        for step in steps:
            assert step.on_store(view) == step.on_model(model), step
        check_everything(view, model)

    holds()


def test_an_expired_item_is_absent_to_every_method(world: World, examples: Examples) -> None:
    view = world.view("users first")

    @examples(20)
    @given(sequences(), st.data())
    def holds(steps: list[Step], data: st.DataObject) -> None:
        world.empty()
        model = StoreModel(scope_of(view))
        for step in steps:
            assert step.on_store(view) == step.on_model(model), step
            for address in data.draw(_some_of(model), label="expire"):
                _expire(world, model, address)
                again = data.draw(_writes_of(address))
                assert again.on_store(view) == again.on_model(model)
        check_everything(view, model)

    holds()


def test_every_row_has_the_place_of_its_namespace(world: World, examples: Examples) -> None:
    """Listings are sorted by that column, so it must sort as tuples of labels do."""
    view = world.view("user first")

    @examples(25)
    @given(sequences())
    def holds(steps: list[Step]) -> None:
        world.empty()
        for step in steps:
            step.on_store(view)
        rows = world.execute("SELECT namespace, place FROM {} ORDER BY place").fetchall()
        labels = [decode_labels(namespace) for namespace, _ in rows]
        assert [sort_key(each) for each in labels] == [at for _, at in rows]
        assert labels == sorted(labels)

    holds()


@pytest.mark.parametrize("name", ["users first", "one user's"])
def test_reads_made_at_once_are_each_answered_for_themselves(
    world: World, name: str, examples: Examples
) -> None:
    """They travel together, which nobody may notice."""
    view = world.view(name)

    @examples(15)
    @given(writes_and_reads())
    def holds(steps: tuple[list[Step], list[Step]]) -> None:
        world.empty()
        model = StoreModel(scope_of(view))
        writes, reads = steps
        for step in writes:
            assert step.on_store(view) == step.on_model(model)

        async def read_all() -> list[Any]:
            return await asyncio.gather(*[step.awaited_on_store(view) for step in reads])

        for step, answer in zip(reads, asyncio.run(read_all()), strict=True):
            assert answer == step.on_model(model), step

    holds()


def test_tasks_on_their_own_items_do_not_see_each_other(world: World, examples: Examples) -> None:
    @examples(20)
    @given(_workers())
    def holds(workers: dict[Labels, list[Step]]) -> None:
        world.empty()
        view = world.view("users first")
        models = {root: StoreModel(scope_of(view)) for root in workers}

        async def work(root: Labels) -> None:
            for step in workers[root]:
                assert await step.awaited_on_store(view) == step.on_model(models[root]), step

        async def work_together() -> None:
            await asyncio.gather(*map(work, workers))

        asyncio.run(work_together())
        for root, model in models.items():
            check_everything(view, model, root)

    holds()


def test_threads_and_loops_on_their_own_items_do_not_see_each_other(
    world: World, examples: Examples
) -> None:
    """Every other worker blocks a thread; the rest await, each on a loop of its own."""

    @examples(15)
    @given(_workers())
    def holds(workers: dict[Labels, list[Step]]) -> None:
        world.empty()
        view = world.view("users first")
        models = {root: StoreModel(scope_of(view)) for root in workers}

        def block(root: Labels) -> None:
            for step in workers[root]:
                assert step.on_store(view) == step.on_model(models[root]), step

        async def wait(root: Labels) -> None:
            for step in workers[root]:
                assert await step.awaited_on_store(view) == step.on_model(models[root]), step

        with ThreadPoolExecutor(len(workers)) as pool:
            done = [
                pool.submit(block, root) if n % 2 else pool.submit(asyncio.run, wait(root))
                for n, root in enumerate(workers)
            ]
        for each in done:
            each.result()
        for root, model in models.items():
            check_everything(view, model, root)

    holds()


def test_no_user_sees_or_changes_what_another_has(world: World, examples: Examples) -> None:
    @examples(20)
    @given(sequences(max_size=6), sequences(max_size=10))
    def holds(alices: list[Step], bobs: list[Step]) -> None:
        world.empty()
        store = world.stores["users first"]
        alice, bob = store.for_user("alice"), store.for_user("alice2")
        model = StoreModel(scope_of(alice))
        for step in alices:
            assert step.on_store(alice) == step.on_model(model)
        for step in bobs:
            step.on_store(bob)
        check_everything(alice, model)
        assert store.count(("users", "alice")) == model.count(())

    holds()


def test_no_update_of_one_item_by_many_is_lost(world: World) -> None:
    world.empty()
    view = world.view("users first")
    address = (("users", "alice", "counters"), "k")

    async def await_ten() -> None:
        await asyncio.gather(*[view.aupdate(*address, count_up) for _ in range(10)])

    def block_ten() -> None:
        for _ in range(10):
            view.update(*address, count_up)

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(block_ten) for _ in range(2)]
        done += [pool.submit(asyncio.run, await_ten()) for _ in range(2)]
    for each in done:
        each.result()
    record = view.get_record(*address)
    assert record is not None
    assert (record.value, record.version) == ({"count": 40}, 40)


def _expire(world: World, model: StoreModel, address: tuple[Labels, str]) -> None:
    world.execute(
        "UPDATE {} SET expires_at = now() - interval '1 s', ttl = interval '1 s'"
        " WHERE user_id = %s AND namespace = %s AND key = %s",
        *model.row(address),
    )
    model.expire(*address)


def _some_of(model: StoreModel) -> st.SearchStrategy[list[tuple[Labels, str]]]:
    items = sorted(model.items)
    return st.lists(st.sampled_from(items), unique=True, max_size=2) if items else st.just([])


def _writes_of(address: tuple[Labels, str]) -> st.SearchStrategy[Step]:
    put, update = (
        Step("put", (*address, {"again": 1}), {}),
        Step("update", (*address, count_up), {}),
    )
    return st.sampled_from(
        [put, update, Step("load", ([(*address, {})],), {}), Step("get", address, {})]
    )


def _workers() -> st.SearchStrategy[dict[Labels, list[Step]]]:
    """Workers by the namespace that each has for itself; half of them are users."""
    roots: list[Labels] = [("w1",), ("users", "w1"), ("w1:",), ("users", "w1:"), ("users", "w")]
    return st.fixed_dictionaries({root: sequences(root, max_size=8) for root in roots})

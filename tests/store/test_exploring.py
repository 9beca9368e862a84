"""A store in a notebook: `tree`, `sample`, `sql`, `plot_map`, `explore`, and what is displayed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.store.base import SearchOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import (
    AgentStoreError,
    InvalidOperationError,
    StoreUnavailableError,
)
from langgraph_agentstore.store.memory_map import projected
from langgraph_agentstore.store.notebook_sql import MOST_RECORDS
from tests.support.html import html_of

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
pytest.importorskip("ipywidgets")
HOSTILE = "<script>alert(1)</script>"


class Angles:
    """An embedder of two dimensions: texts of one first letter lie together."""

    dims = 3

    def __call__(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, ord(text[0]) - 100.0, len(text)] for text in texts]


@pytest.fixture
def store_with(postgres_dsn: str, schema_name: str) -> Iterator[Any]:
    """Call it with an index for a store."""
    made: list[AgentStore] = []

    def make(index: Any) -> AgentStore:
        made.append(AgentStore(postgres_dsn, schema=schema_name, index=index))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def filled_store(store: AgentStore) -> AgentStore:
    ada = store.for_user("ada")
    ada.put(("notes",), "a", {"n": 1, "text": "tea"})
    ada.put(("notes", "old"), "b", {"n": 2})
    ada.put(("notes", "a\nb"), "c", {"n": 3})
    store.for_user("bob").put(("notes",), "d", {"n": 4})
    store.put(("docs",), "e", {"n": 5})
    return store


async def test_a_tree_has_the_namespaces_of_one_user(filled_store: AgentStore) -> None:
    tree = filled_store.tree("ada")
    assert dict(tree.items) == {("notes",): 1, ("notes", "a\nb"): 1, ("notes", "old"): 1}
    assert str(tree) == "ada\n└── notes  1\n    ├── 'a\\nb'  1\n    └── old  1"
    assert str(filled_store.tree("")) == "(shared)\n└── docs  1"
    assert await filled_store.atree("ada") == tree
    assert "└── old  1" in html_of(tree)
    assert html_of(filled_store.tree("nobody")) == "<p>No items.</p>"


def test_a_tree_that_was_cut_says_so(filled_store: AgentStore) -> None:
    tree = filled_store.tree("ada", limit=2)
    assert tree.is_cut
    assert len(tree.items) == 2
    assert str(tree).endswith("… and more namespaces: raise `limit`")
    assert not filled_store.tree("ada", limit=3).is_cut


def test_a_large_namespace_is_not_counted_to_its_end(filled_store: AgentStore) -> None:
    filled_store.for_user("ada").load((("big",), str(n), {"n": n}) for n in range(MOST_RECORDS + 5))
    assert "big  1,000 or more" in str(filled_store.tree("ada"))


async def test_a_sample_has_items_of_the_store(filled_store: AgentStore) -> None:
    everything = {item.key for item in filled_store.sample(100)}
    assert everything == {"a", "b", "c", "d", "e"}
    for size in (0, 1, 3):
        assert len(filled_store.sample(size)) == size
    assert len(await filled_store.asample(2)) == 2
    [found] = [item for item in filled_store.sample(100) if item.key == "b"]
    assert (found.namespace, found.value) == (("users", "ada", "notes", "old"), {"n": 2})
    assert len({filled_store.sample(1)[0].key for _ in range(60)}) > 1


def test_a_sample_of_many_items_is_complete(filled_store: AgentStore) -> None:
    filled_store.load((("users", "eve", "log"), str(n), {"n": n}) for n in range(30_000))
    filled_store.sql("SELECT 1")
    with pytest.raises(AgentStoreError):
        filled_store.sql("VACUUM ANALYZE item")
    assert len(filled_store.sample(50)) == 50


async def test_sql_runs_with_the_tables_of_the_store(filled_store: AgentStore) -> None:
    frame = filled_store.sql("SELECT key, value FROM item WHERE user_id = $1 ORDER BY key", "ada")
    assert list(frame.columns) == ["key", "value"]
    assert list(frame["value"]) == [{"n": 1, "text": "tea"}, {"n": 2}, {"n": 3}]
    assert frame.attrs["is_cut"] is False
    empty = await filled_store.asql("SELECT key FROM item WHERE false")
    assert list(empty.columns) == ["key"]
    assert len(empty) == 0


def test_sql_that_was_cut_says_so(filled_store: AgentStore) -> None:
    frame = filled_store.sql("SELECT key FROM item", limit=2)
    assert len(frame) == 2
    assert frame.attrs["is_cut"] is True


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM item",
        "UPDATE item SET value = '1'",
        "DROP TABLE item",
        "SELECT 1; DELETE FROM item",
        "COMMIT",
        "SET TRANSACTION READ WRITE",
        "no sql",
        "",
    ],
)
def test_sql_cannot_write(filled_store: AgentStore, query: str) -> None:
    try:
        filled_store.sql(query)
    except StoreUnavailableError:
        raise
    except AgentStoreError:
        pass
    assert filled_store.sql("SELECT count(*) AS n FROM item")["n"][0] == 5
    filled_store.put(("docs",), "after", {"n": 6})  # the connection is as before


def test_a_map_draws_a_point_for_each_item(store_with: Any) -> None:
    store = store_with({"embed": Angles(), "dims": 3, "fields": ["text"]})
    ada = store.for_user("ada")
    for n in range(6):
        ada.put(("teas",), f"t{n}", {"text": "tea " * (n + 1)})
        ada.put(("cats",), f"c{n}", {"text": "cat " * (n + 1)})
    ada.put(("cats",), "without", {"n": 1}, index=False)
    axes = store.plot_map("ada")
    assert axes.get_title() == "ada: 12 items with vectors"
    assert sorted(text.get_text() for text in axes.get_legend().get_texts()) == [
        "cats (6)",
        "teas (6)",
    ]
    assert sum(len(points.get_offsets()) for points in axes.collections) == 12
    cut = store.plot_map("ada", limit=5)
    assert cut.get_title() == "ada: the newest 5 items with vectors"
    assert store.plot_map("nobody").get_title() == "nobody: 0 items with vectors"


async def test_a_map_needs_vectors(filled_store: AgentStore) -> None:
    with pytest.raises(InvalidOperationError, match="a map needs vectors"):
        await filled_store.aplot_map("ada")


def test_a_projection_keeps_what_differs_most() -> None:
    points = projected([[0.0, 5.0, 1.0], [0.0, -5.0, 1.0], [0.5, 0.0, 1.0], [-0.5, 0.0, 1.0]])
    assert [abs(round(x, 6)) for x, _ in points] == [1, 1, 0, 0]
    assert [abs(round(y, 6)) for _, y in points] == [0, 0, 1, 1]
    assert projected([]) == []
    assert projected([[3.0, 4.0]]) == [(0.0, 0.0)]
    assert projected([[1.0], [2.0]])[0][1] == 0.0


@pytest.fixture
def explorer(filled_store: AgentStore) -> Any:
    filled_store.for_user("ada").put(("notes",), HOSTILE, {"text": HOSTILE})
    return filled_store.explore(writable=True)


def test_the_widget_goes_from_users_to_an_item(explorer: Any) -> None:
    assert [user for _, user in explorer.user.options] == ["", "ada", "bob"]
    explorer.user.value = "ada"
    assert [labels for _, labels in explorer.namespace.options][:2] == [(), ("notes",)]
    explorer.namespace.value = ("notes", "old")
    assert [line for line, _ in explorer.items.options] == ['notes:old / b  {"n": 2}']
    explorer.items.value = 0
    assert "<td>notes:old</td>" in re.sub(r' style="[^"]*"', "", explorer.shown.value)
    assert explorer.told.value == ""


def test_the_widget_escapes_what_is_stored(explorer: Any) -> None:
    explorer.user.value = "ada"
    explorer.namespace.value = ("notes",)
    index = next(n for line, n in explorer.items.options if HOSTILE in line)
    explorer.items.value = index
    assert "&lt;script&gt;" in explorer.shown.value
    assert "<script>" not in explorer.shown.value


def test_the_widget_saves_and_deletes_only_when_told(explorer: Any) -> None:
    explorer.user.value = "bob"
    explorer.items.value = 0
    explorer.value.value = '{"n": 40}'
    explorer.save.click()
    bob = explorer._store.for_user("bob")
    assert bob.get(("notes",), "d").value == {"n": 40}
    explorer.items.value = 0
    explorer.value.value = "no JSON"
    explorer.save.click()
    assert "JSONDecodeError" in explorer.told.value
    explorer.delete.click()
    assert bob.get(("notes",), "d") is not None
    explorer.is_sure.value = True
    explorer.delete.click()
    assert bob.get(("notes",), "d") is None


def test_the_widget_only_shows_unless_asked(filled_store: AgentStore) -> None:
    shown = filled_store.explore()
    assert not {shown.save, shown.delete, shown.value} & set(shown.box.children)


def test_the_widget_shows_scores(store_with: Any) -> None:
    store = store_with({"mode": "text"})
    store.for_user("ada").put(("notes",), "a", {"text": "green tea"})
    widget = store.explore()
    widget.user.value = "ada"
    widget.query.value = "tea"
    assert "width:100px" in widget.scores.value


def test_results_of_a_search_are_one_table(filled_store: AgentStore) -> None:
    found = filled_store.search(("users", "ada"))
    assert isinstance(found, list)
    assert html_of(found).count("<table>") == 1
    assert "<td>users:ada:notes:old</td><td>b</td>" in html_of(found)
    assert html_of(filled_store.search(("none",))) == "<p>No items found.</p>"


async def test_awaited_results_are_too(filled_store: AgentStore) -> None:
    found = await filled_store.asearch(("users", "ada"))
    assert "<table>" in html_of(found)


def test_many_results_are_cut(filled_store: AgentStore) -> None:
    filled_store.load((("many",), str(n), {"n": n}) for n in range(101))
    assert html_of(filled_store.search(("many",), limit=200)).endswith("<p>… and 1 more.</p>")


def test_an_explanation_shows_its_statement(filled_store: AgentStore) -> None:
    shown = html_of(filled_store.explain(SearchOp(("users", "ada"), {"n": 1})))
    assert "<th>arguments</th>" in shown
    assert "SELECT" in shown


def test_a_view_shows_its_namespaces(filled_store: AgentStore, schema_name: str) -> None:
    view = filled_store.for_user("ada")
    assert html_of(view).startswith("<table><tbody><tr><th>user</th><td>ada</td></tr>")
    assert "└── old  1" in html_of(view)
    closed = AgentStore("postgresql://127.0.0.1:1/nowhere", schema=schema_name).for_user("ada")
    assert "Not opened yet" in html_of(closed)


def test_a_turn_and_a_recall_have_tables(filled_store: AgentStore) -> None:
    memory = ConversationMemory(filled_store, "ada")
    memory.save_turn("Who purrs?", f"The cat {HOSTILE}.", "monday")
    assert "<td>monday</td><td>Who purrs?</td>" in html_of(next(memory.turns()))
    recall = html_of(memory.explain_recall("who purrs?"))
    assert "<td>shown</td>" in recall
    assert "<script>" not in recall + html_of(next(memory.turns()))


def test_a_running_notebook_shows_items_as_tables(postgres_dsn: str, schema_name: str) -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    try:
        with AgentStore(postgres_dsn, schema=schema_name) as store:
            store.put(("docs",), "a", {"n": 1})
            shown, _ = shell.display_formatter.format(store.get(("docs",), "a"))
        assert "<table>" in re.sub(r' style="[^"]*"', "", shown["text/html"])
    finally:
        type(shell).clear_instance()

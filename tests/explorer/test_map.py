"""The map of a user's memories, and the nearest neighbors of an item."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.explorer.map_page import COLORS, colored_points, most_points
from langgraph_agentstore.store.notebook_sql import MappedItem
from tests.explorer.conftest import HOSTILE, HOSTILE_KEY, signed_in

Visitor = Callable[..., TestClient]


@pytest.fixture(scope="module")
def wordy(postgres_dsn: str) -> Iterator[AgentStore]:
    """A store whose index has words only."""
    with AgentStore(postgres_dsn, schema="explored_words", index={"mode": "text"}) as store:
        store.for_user("ada").put(("notes",), "a", {"text": "words alone"})
        yield store


def points(html: str) -> list[str]:
    return [unescape(key) for key in re.findall(r"<li data-x[^>]*><a [^>]*>([^<]*)</a>", html)]


def test_a_map_has_a_point_for_each_item_with_a_vector(visitor: Visitor) -> None:
    client = visitor()
    whole = client.get("/map", params={"u": "ada"}).text
    assert {"n000", "n119", "plan"} < set(points(whole))
    assert "other namespaces" not in whole
    part = client.get("/map", params={"u": "ada", "n": ["notes", "work"]}).text
    assert points(part) == ["plan"]
    coordinates = [int(n) for n in re.findall(r'data-[xy]="(-?\d+)"', whole)]
    assert min(coordinates) >= 0
    assert max(coordinates) <= 1000


def test_items_that_are_alike_are_near_each_other() -> None:
    items = [MappedItem(("a",), str(n), "", [float(n < 5), 1.0, n / 100]) for n in range(10)]
    placed, _ = colored_points(items)
    left, right = placed[:5], placed[5:]
    assert max(p.x for p in left) < min(p.x for p in right) or min(p.x for p in left) > max(
        p.x for p in right
    )


def test_a_map_of_long_vectors_has_fewer_points() -> None:
    assert [most_points(dims) for dims in (16, 384, 1536, 3072)] == [2000, 2000, 651, 325]


def test_the_largest_namespaces_have_colors_of_their_own() -> None:
    items = [MappedItem((f"n{n}",), str(k), "", [n, k]) for n in range(12) for k in range(n + 1)]
    placed, groups = colored_points(items)
    assert [group.points for group in groups] == [12, 11, 10, 9, 8, 7, 6, 5, 10]
    assert groups[-1].labels is None
    assert {point.color for point in placed if point.item.labels == ("n0",)} == {COLORS}
    assert colored_points([]) == ([], [])


def test_an_items_neighbors_are_those_of_its_user(visitor: Visitor) -> None:
    client = visitor()
    where = {"u": "ada", "n": "notes", "k": "n007"}
    assert (
        'hx-get="/item/near?u=ada&amp;n=notes&amp;k=n007"' in client.get("/item", params=where).text
    )
    page = client.get("/item/near", params=where).text
    keys = re.findall(r"k=(\w+)\">", page.partition("<ol")[2])
    assert len(keys) == 10
    assert "n007" not in keys
    assert "bobs" not in page
    part = client.get("/item/near", params=where, headers={"hx-request": "true"}).text
    assert "<html" not in part
    assert "<ol" in part
    assert client.get("/item/near", params={**where, "k": "none"}).status_code == 404


def test_hostile_items_are_text_on_the_map_and_among_neighbors(visitor: Visitor) -> None:
    client = visitor()
    where = {"u": HOSTILE, "n": HOSTILE.replace(".", ""), "k": HOSTILE_KEY}
    near_big = {"u": HOSTILE, "n": "big", "k": "big"}
    for path, asked in (("/map", {"u": HOSTILE}), ("/item/near", where), ("/item/near", near_big)):
        page = client.get(path, params=asked)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert "\u202e" not in page.text
        assert len(page.content) < 50_000
    assert "gnp" in client.get("/item/near", params=near_big).text


def test_without_vectors_the_pages_say_so(wordy: AgentStore) -> None:
    client = signed_in(wordy)
    where = {"u": "ada", "n": "notes", "k": "a"}
    assert "without vectors" in client.get("/map", params={"u": "ada"}).text
    assert "has no vector" in client.get("/item/near", params=where).text
    assert "Nearest" not in client.get("/item", params=where).text

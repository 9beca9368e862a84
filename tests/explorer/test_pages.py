"""The explorer's pages, asked as a browser asks them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, new_turn
from langgraph_agentstore.explorer import chats_page, files_page, user_page, words_sql
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.results import StoreReadiness
from tests.explorer.conftest import HOSTILE, HOSTILE_KEY

Visitor = Callable[..., TestClient]


def links(html: str, kind: str) -> list[str]:
    """The addresses on a page that lead to pages of a kind."""
    return [unescape(found) for found in re.findall(rf'href="({kind}\?[^"]*)"', html)]


def keys_of_all_pages(client: TestClient, address: str) -> list[str]:
    keys: list[str] = []
    while True:
        page = client.get(address)
        assert page.status_code == 200, page.text
        keys += re.findall(r'href="/item\?[^"]*">([^<]*)</a>', page.text)
        following = re.search(r'rel="next" href="([^"]*)"', page.text)
        if following is None:
            return keys
        address = unescape(following[1])


def test_the_overview_shows_about_how_much_there_is(visitor: Visitor) -> None:
    page = visitor().get("/")
    assert page.status_code == 200
    assert "about" in page.text
    assert re.search(r"<dt>Users</dt><dd>\d+</dd>", page.text)


def test_the_overview_says_why_the_store_was_not_ready(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may be away for a probe, and back for the page's other statements."""
    monkeypatch.setattr(AgentStore, "ready", lambda _: StoreReadiness(False, "it restarts"))
    page = visitor().get("/")
    assert page.status_code == 200
    assert "it restarts" in page.text


def test_users_are_found_by_their_beginning(visitor: Visitor) -> None:
    client = visitor()
    assert {"ada", "bob", "(shared)"} < set(
        re.findall(r'href="/user\?[^"]*">([^<]*)</a>', client.get("/users").text)
    )
    page = client.get("/users", params={"q": "b"}).text
    assert ">bob<" in page
    assert ">ada<" not in page


@pytest.mark.parametrize("sort", ["key", "key_backward", "newest", "oldest"])
def test_pages_of_items_skip_none(visitor: Visitor, sort: str) -> None:
    keys = keys_of_all_pages(visitor(), f"/user?u=ada&n=notes&sort={sort}&below=no")
    expected = [f"n{n:03}" for n in range(120)]
    assert sorted(keys) == expected
    if sort != "newest" and sort != "oldest":
        assert keys == (expected if sort == "key" else expected[::-1])


def test_a_filter_lets_through_what_fits_and_tells_what_is_wrong(visitor: Visitor) -> None:
    client = visitor()
    assert keys_of_all_pages(client, "/user?u=ada&filter=n%3E%3D118") == ["n118", "n119"]
    page = client.get("/user", params={"u": "ada", "filter": "nonsense"})
    assert "is not a condition" in page.text


def test_an_item_is_shown_with_what_is_known_about_it(visitor: Visitor) -> None:
    page = visitor().get("/item", params={"u": "ada", "n": "notes", "k": "n007"})
    assert "note 7 on green tea" in page.text
    assert "<dt>Words</dt><dd>7 green note" in page.text
    assert "<dt>Vectors</dt><dd>of text" in page.text
    assert "never" in page.text
    missing = visitor().get("/item", params={"u": "ada", "n": "notes", "k": "none"})
    assert missing.status_code == 404


def test_search_shows_why_an_item_was_found(visitor: Visitor) -> None:
    page = visitor().get("/search", params={"u": "ada", "q": "garden plan", "mode": "side"})
    assert page.text.count("<mark>garden</mark>") == 2
    for said in ("By vectors", "By words", "BM25", "similarity", "exact"):
        assert said in page.text


def test_stored_text_is_text_on_every_page(visitor: Visitor) -> None:
    client = visitor()
    where = {"u": HOSTILE, "n": HOSTILE.replace(".", ""), "k": HOSTILE_KEY}
    pages = [
        client.get("/users"),
        client.get("/user", params={"u": HOSTILE}),
        client.get("/tree", params={"u": HOSTILE}),
        client.get("/item", params=where),
        client.get("/search", params={"q": HOSTILE, "mode": "side"}),
        client.get("/user", params={"u": "ada", "filter": HOSTILE}),
        client.get("/user", params={"u": "nobody" + HOSTILE}),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        # What the visitor typed stays as it is in the field.
        shown = re.sub(r'<input type="search"[^>]*>|<textarea.*?</textarea>', "", page.text)
        assert "\u202e" not in shown
        assert "\x1b" not in shown
        assert "gnp" in page.text
        tags = re.findall(r"<[a-z][^<>]*>", re.sub(r'"[^"]*"', '""', page.text))
        assert not [tag for tag in tags if re.search(r"\s(on\w+|style)\s*=", tag)]


def test_a_large_value_is_cut_and_shown_whole_as_plain_text(visitor: Visitor) -> None:
    client = visitor()
    where = {"u": HOSTILE, "n": "big", "k": "big"}
    assert len(client.get("/item", params=where).content) < 100_000
    whole = client.get("/item/value", params=where)
    assert whole.headers["content-type"].startswith("text/plain")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert len(whole.text) > 500_000


def test_history_shows_what_each_write_changed(explored: AgentStore, visitor: Visitor) -> None:
    ada = explored.for_user("ada")
    ada.put(("kept",), "k", {"text": "one", "n": 1})
    ada.put(("kept",), "k", {"text": "<b>two", "n": 1})
    page = visitor().get("/item", params={"u": "ada", "n": "kept", "k": "k"}).text
    assert "</span>&#34;one&#34;</del>" in page
    assert "</span>&#34;&lt;b&gt;two&#34;</ins>" in page
    assert page.count("<strong>put</strong>") == 2


def test_conversations_are_chats_by_thread_and_day(explored: AgentStore, visitor: Visitor) -> None:
    memory = ConversationMemory(explored, "ada")
    memory.save_turns(new_turn(HOSTILE_KEY, f"<i>question {n}", f"answer {n}") for n in range(3))
    page = visitor().get("/chats", params={"u": "ada", "t": HOSTILE_KEY}).text
    assert "3 turns" in page
    assert page.index("&lt;i&gt;question 0") < page.index("answer 0") < page.index("answer 2")
    assert "\u202e" not in page
    assert visitor().get("/chats", params={"u": ""}).status_code == 404


def test_files_are_a_tree_of_folders(explored: AgentStore, visitor: Visitor) -> None:
    backend = StoreBackend(explored.for_user("ada"))
    backend.write("/notes/<tea>.md", "green")
    backend.write("/readme.md", "hello")
    client = visitor()
    top = client.get("/files", params={"u": "ada"}).text
    assert "/readme.md</a>" in top
    assert "5 characters" in top
    folder = links(top, "/files")
    inner = client.get(next(link for link in folder if "folder=" in link)).text
    assert "/notes/&lt;tea&gt;.md</a>" in inner
    opened = next(link for link in links(inner, "/item"))
    assert "green" in client.get(opened).text


def test_a_folder_comes_in_pages_that_skip_nothing(
    explored: AgentStore, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = StoreBackend(explored.for_user("filer"))
    names = ["a/1", "a/2", "a.md", "a0", "b/c/d", "b/e", "z", "é"]
    for name in names:
        backend.write(f"/{name}", "text")
    expected = {"/a/", "/a.md", "/a0", "/b/", "/z", "/é"}
    for size in (1, 2, 200):
        monkeypatch.setattr(files_page, "FILES_ON_A_PAGE", size)
        client, address, seen = visitor(), "/files?u=filer", list[str]()
        while True:
            page = client.get(address).text
            seen += re.findall(r"<li><a [^>]*>([^<]*)</a>", page)
            following = re.search(r'rel="next" href="([^"]*)"', page)
            if following is None:
                break
            address = unescape(following[1])
        assert len(seen) == len(expected)
        assert set(seen) == expected
    inner = visitor().get("/files", params={"u": "filer", "folder": "/b/"}).text
    assert re.findall(r"<li><a [^>]*>([^<]*)</a>", inner) == ["/b/c/", "/b/e"]
    wrong = {"u": "filer", "folder": "/b/", "after": "/a"}
    assert visitor().get("/files", params=wrong).status_code == 400


def test_a_tree_that_is_cut_says_so(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_page, "MOST_BRANCHES", 1)
    page = visitor().get("/tree", params={"u": "ada", "n": "notes"}).text
    assert page.count("<details>") == 1
    assert "The first 1 are shown" in page


def test_threads_come_in_parts_that_skip_none(
    explored: AgentStore, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = ConversationMemory(explored, "talker")
    for n in range(7):
        memory.save_turns(new_turn(f"t{n}", "?", "!") for _ in range(2))
    client, address, seen = visitor(), "/chats?u=talker", list[str]()
    assert "Next threads" not in client.get(address).text
    monkeypatch.setattr(chats_page, "MOST_TURNS_GROUPED", 3)
    while True:
        page = client.get(address).text
        seen += re.findall(r'href="/chats\?[^"]*t=(t\d)[&"]', page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        if following is None:
            break
        address = unescape(following[1])
    assert set(seen) == {f"t{n}" for n in range(7)}


def test_a_large_scope_is_searched_in_bounded_time(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words_sql, "MOST_RANKED_WHOLE", 50)
    client = visitor()
    for asked, hits in (
        ({"u": "ada", "q": "garden plan"}, 2),
        ({"u": "ada", "q": "note 77 tea"}, 1),
        ({"u": "ada", "q": "xyzzy garden"}, 2),
        ({"u": "ada", "q": "garden", "filter": "text=x"}, 0),
        ({"u": "ada", "q": "xyzzy"}, 0),
        ({"q": "shared words"}, 1),
    ):
        page = client.get("/search", params={**asked, "mode": "side"}).text
        assert page.count("ts_rank") == hits, asked
        assert "choose a namespace to rank all" in page
    small = client.get("/search", params={"u": "ada", "n": ["notes", "work"], "q": "garden"}).text
    assert "ts_rank" not in small

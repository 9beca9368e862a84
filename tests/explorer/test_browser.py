"""The explorer in a real browser: each page opened, searched, paged, edited, refused."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, new_turn
from langgraph_agentstore.explorer.app import local_explorer_app
from tests.explorer.conftest import HOSTILE, HOSTILE_KEY, TOKEN

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
PICTURES = os.environ.get("EXPLORER_PICTURES")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


class Served:
    """The explorer on a port of this computer, in a thread."""

    def __init__(self, store: AgentStore, **options: Any) -> None:
        import uvicorn

        app = local_explorer_app(
            store, TOKEN, is_ending=lambda: self._server.should_exit, **options
        )
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        run = self._server.run
        self._thread = threading.Thread(target=run, kwargs={"sockets": [self._listening]})
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def end(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


@pytest.fixture(scope="module")
def address(explored: AgentStore) -> Iterator[str]:
    ConversationMemory(explored, "ada").save_turns(
        new_turn("garden", f"When do I water the beans, week {n}?", "In the morning.")
        for n in range(3)
    )
    served = Served(explored, write=True)
    yield served.address
    served.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    """A page that was opened with the token; whatever its console complains of is a failure."""
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    page.goto(f"{address}/?token={TOKEN}")
    yield page
    context.close()
    assert complaints == []


WHERE = urlencode({"u": HOSTILE, "n": HOSTILE.replace(".", ""), "k": HOSTILE_KEY})
ADDRESSES = {
    "overview": "/",
    "users": "/users",
    "user": "/user?u=ada",
    "item": "/item?u=ada&n=notes&k=n007",
    "search": "/search?u=ada&q=garden+plan&mode=side",
    "map": "/map?u=ada",
    "live": "/live?u=ada",
    "history": "/history",
    "chats": "/chats?u=ada&t=garden",
    "hostile": f"/item?{WHERE}",
}


def fits(page: Page, width: int) -> bool:
    """Whether a page needs no horizontal scrolling, and each of its fields has a label."""
    unlabelled = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
        ".filter((field) => field.labels.length === 0).length"
    )
    scrolled = page.evaluate("document.documentElement.scrollWidth")
    return bool(scrolled <= width and unlabelled == 0)


def test_every_page_opens_on_a_narrow_screen_without_a_complaint(page: Page, address: str) -> None:
    """It takes longer than others, and proves that no stored text runs in a browser."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 400, "height": 800})
    for name, path in ADDRESSES.items():
        page.goto(address + path)
        assert fits(page, 400), name
        assert page.locator("main h1").count() == 1, name


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_wide_and_narrow_screens(page: Page, address: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for name, path in ADDRESSES.items():
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address + path)
            assert fits(page, width), name
            if PICTURES:
                page.screenshot(path=str(Path(PICTURES) / f"{name}-{scheme}-{width}.png"))


@pytest.mark.slow
def test_the_token_is_not_in_the_address(page: Page, address: str) -> None:
    assert page.url == f"{address}/"
    assert page.locator(".chart canvas").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("path", ["/user?u=ada", "/history"])
def test_a_common_name_of_a_namespace_is_not_broken(
    page: Page, address: str, path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}{path}")
    cell = page.locator("td:text-is('conversations')").first
    lines = """cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length;
    }"""
    assert cell.evaluate(lines) == 1


@pytest.mark.slow
def test_the_tree_opens_and_pages_are_turned_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/user?u=ada")
    page.locator("details:has(a:text-is('notes')) > summary").first.focus()
    page.keyboard.press("Enter")
    page.locator("details details a", has_text="work").first.wait_for()
    page.goto(f"{address}/user?u=ada&n=notes&below=no")
    page.locator("a[rel=next]").focus()
    page.keyboard.press("Enter")
    page.locator("td a", has_text="n050").wait_for()


@pytest.mark.slow
def test_a_point_of_the_map_is_read_and_opened(page: Page, address: str) -> None:
    page.goto(f"{address}/map?u=ada")
    assert page.locator(".plane circle").count() - 1 == page.locator("#points li").count() > 100
    page.locator(".plane circle[data-row='0']").hover()
    page.locator("[data-pointed]", has_text="garden").wait_for()
    page.locator("#points a", has_text="plan").first.focus()
    page.locator("[data-pointed]", has_text="plan for the garden").wait_for()
    page.locator(".plane circle[data-row='0']").click()
    page.locator("pre").first.wait_for()
    page.locator(".near a").first.wait_for()  # fetched by htmx


def test_changes_appear_as_they_happen(page: Page, address: str, explored: AgentStore) -> None:
    page.goto(f"{address}/live?u=ada")
    page.locator("[data-live-status]", has_text="Watching").wait_for()
    explored.for_user("ada").put(("notes", HOSTILE.replace(".", "")), HOSTILE_KEY, {"t": HOSTILE})
    row = page.locator(".live li").first
    row.wait_for()
    assert "<script>alert(1)</script>" in row.inner_text()
    assert row.locator("script, img, b").count() == 0
    row.locator("a").click()
    page.locator("pre", has_text="<script>").wait_for()
    page.go_back()
    page.get_by_role("button", name="Stop").click()
    page.locator("[data-live-status]", has_text="Stopped").wait_for()


@pytest.mark.slow
def test_every_page_is_reached_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/users")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for name, path in (("ada", "/user"), ("Map", "/map"), ("Live", "/live"), ("Files", "/files")):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").strip() == name:
                break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{path}?**")


def test_a_search_and_an_edit_are_typed(page: Page, address: str) -> None:
    page.goto(f"{address}/search?u=ada")
    page.get_by_label("Query").fill("garden")
    page.keyboard.press("Enter")
    page.locator("mark", has_text="garden").first.wait_for()
    page.goto(f"{address}/item?u=ada&n=notes&k=n001")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Value, as JSON").fill('{"text": "typed <script>alert(1)</script>"}')
    page.get_by_role("button", name="Save").click()
    page.locator("pre", has_text="typed <script>").wait_for()


@pytest.mark.slow
def test_a_browser_without_the_token_is_refused(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"{address}/users")
    assert answer is not None
    assert answer.status == 403
    context.close()

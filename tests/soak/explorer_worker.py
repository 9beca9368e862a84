"""The explorer, asked over HTTP while everybody writes: as a user, and as an operator."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import httpx
from starlette.requests import Request

from langgraph_agentstore.explorer import ExplorerAccess, explorer_app
from langgraph_agentstore.explorer.app import PAGES
from tests.soak.beliefs import AWAY
from tests.soak.heard import USER
from tests.soak.serving import Served
from tests.soak.workers import Place, Worker

VISITOR = "x-visitor"
ASKED_S = 60.0
LIVE_S = 1.0
AWAY_STATUS = 503
FORMS = ("/item/edit", "/item/remove")
"""For visitors who may write: nobody here."""


def authorize(request: Request) -> ExplorerAccess | None:
    """Whoever says a name sees that user; who says that they are an operator sees everybody."""
    name = request.headers.get(VISITOR)
    if name is None:
        return None
    return ExplorerAccess() if name == "operator" else ExplorerAccess(name)


class ExplorerWorker(Worker):
    """Walks from link to link: as a user, who sees nobody else, and as an operator."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.visitor = ""
        self.pages: Counter[str] = Counter()
        self.links: list[str] = []

    def begin(self) -> None:
        # Of each store, as its own application: of the user's rights, and of the owner's.
        stores = [self.place.store, self.place.indexed, self.place.owner]
        self.served = [Served(explorer_app(store, authorize=authorize)) for store in stores]
        self.client = httpx.Client(timeout=ASKED_S, follow_redirects=False)

    def turn(self) -> None:
        if self.links and self.chance.random() < 0.9:
            self.ask(self.chance.choice(self.links))
        elif self.chance.random() < 0.1:
            self.listen()
        else:
            self.begin_walk()

    def check(self) -> None:
        """Every page answers, of a user and of all."""
        for number in range(len(self.served)):
            self.begin_walk(number)
            for path in PAGES:
                self.ask(self._address(path))
        missing = set(PAGES) - set(self.pages)
        assert not missing, f"never asked: {missing}"

    def claims(self) -> dict[str, Any]:
        return {"pages": self.pages}

    def close(self) -> None:
        self.client.close()
        for served in self.served:
            served.close()

    def begin_walk(self, number: int | None = None) -> None:
        self.number = self.chance.randrange(len(self.served)) if number is None else number
        self.visitor = "operator" if self.number == 2 else self.chance.choice(self.place.users)
        path = self.chance.choice(list(PAGES))
        self.links = []
        self.ask(self._address(path))

    def ask(self, address: str) -> None:
        answer = self.client.get(address, headers={VISITOR: self.visitor})
        path = urlsplit(address).path
        if answer.status_code == AWAY_STATUS:
            self.links = []
            raise AWAY[0](answer.text, written=False)
        said = f"{address}: {answer.status_code} {answer.text[-2000:]}"
        refused = path in FORMS or (path == "/users" and self.visitor != "operator")
        assert answer.status_code in ((403,) if refused else (200, 303, 404)), said
        self.pages[path] += 1
        self._check_owner(answer.text, address)
        if answer.status_code == 200:
            self.links = [
                urljoin(address, link)
                for link in map(unescape, re.findall(r'href="([^"#]+)"', answer.text))
                if urlsplit(urljoin(address, link)).path in PAGES
            ]

    def listen(self) -> None:
        """Live changes, for a moment."""
        address = f"{self.served[0].address}/live/events?{urlencode({'u': self.visitor})}"
        if self.visitor == "operator" or not self.visitor:
            return
        timeout = httpx.Timeout(ASKED_S, read=LIVE_S)
        told = ""
        try:
            with self.client.stream(
                "GET", address, headers={VISITOR: self.visitor}, timeout=timeout
            ) as answer:
                assert answer.status_code in (200, AWAY_STATUS, 429), answer.status_code
                for part in answer.iter_text():
                    told += part
                    if len(told) > 1000:
                        break
        except httpx.ReadTimeout:
            pass
        self.pages["/live/events"] += 1
        self._check_owner(told, address)

    def _address(self, path: str) -> str:
        named = self.chance.choice(self.place.users) if self.visitor == "operator" else self.visitor
        asked = {"u": named}
        if path.startswith("/item"):
            asked |= {"n": "notes", "k": f"k{self.chance.randrange(12):02}"}
        if path == "/search":
            asked |= {"q": self.chance.choice(("tea milk", "rain")), "mode": "side"}
        return f"{self.served[self.number].address}{path}?{urlencode(asked)}"

    def _check_owner(self, text: str, address: str) -> None:
        if self.visitor == "operator":
            return
        names = set(USER.findall(unquote(unescape(text))))
        others = {name for name in names if name != self.visitor}
        assert not others, f"{self.visitor} was shown {others} by {address}"
        self.tally.checked += 1

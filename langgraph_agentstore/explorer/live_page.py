"""Live changes: what is written and removed at or below a namespace, told as it happens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..data_store.change_feed import POLL_S, Watching
from ..data_store.sql.changes import StoredChange
from ..errors import AgentStoreError, StoreTimeoutError, StoreUnavailableError
from ..model.addresses import locate
from ..model.namespaces import decode_labels
from ..model.users import Address
from ..store.agent_store import AgentStore
from ..tools.namespace_paths import UserNamespace
from ..tools.printable import one_line, safe_json
from .rendering import moment_text, rendered
from .visit import PageRefusedError, Visit, named_labels, query_of

MOST_STREAMS = 20
"""Streams of one explorer at once: each takes a watch of the database."""

LONGEST_S = 3600.0
"""How long one stream goes on."""

MOST_TOLD = 200
"""Changes that are told of one look; of more, the newest."""

_TOO_MANY = f"{MOST_STREAMS} pages show live changes: close one first."
_HEARTBEAT_S = 10.0
_LONGEST_TOLD = 300


def show_live(visit: Visit) -> Response:
    """Show the page on which the changes of a namespace of a user appear."""
    return HTMLResponse(rendered(visit, "live.html", place=visit.place, most=MOST_TOLD))


class LiveStreams:
    """The streams of changes of one explorer.

    Args:
        store: the store that watches; a watch is registered in the database.
        is_ending: whether the server is about to end, so that streams should.
    """

    def __init__(self, store: AgentStore, is_ending: Callable[[], bool] = lambda: False) -> None:
        self._executor = store.executor
        self._is_ending = is_ending
        self.open = 0

    def answer(self, visit: Visit) -> Response:
        """Return the stream of the changes at or below a place, as server-sent events.

        Raises:
            PageRefusedError: there are too many streams.
        """
        place = visit.place
        if self.open >= MOST_STREAMS:
            raise PageRefusedError(503, _TOO_MANY)
        if visit.request.method == "HEAD":
            return Response(media_type="text/event-stream")
        base = visit.request.scope.get("root_path", "")
        return _EventStream(self._events(place, base), media_type="text/event-stream")

    async def _events(self, place: UserNamespace, base: str) -> AsyncIterator[str]:
        self.open += 1
        begun: asyncio.Future[None] | None = None
        at = locate(Address(place.user_id, place.labels), place.labels)
        watching = Watching(at, lambda plan: plan(at), "", with_below=True)
        try:
            begun = asyncio.ensure_future(self._executor.arun(watching.begin()))
            # A watch that was being registered is ended once it is.
            await asyncio.shield(begun)
            yield _event("begun", {})
            async for text in self._looks(watching, place, base):
                yield text
            yield _event("ended", {"reason": "This page was open for long. Reload it to go on."})
        except AgentStoreError as error:
            yield _event("ended", {"reason": one_line(str(error), 400)})
        finally:
            self.open -= 1
            # Nothing is awaited here: the visitor has left, and this task is being cancelled.
            if begun is not None and not begun.done():
                begun.add_done_callback(lambda _: self._executor.post(watching.end()))
            else:
                self._executor.post(watching.end())

    async def _looks(
        self, watching: Watching, place: UserNamespace, base: str
    ) -> AsyncIterator[str]:
        end_s = time.monotonic() + LONGEST_S
        told_s = time.monotonic()
        while time.monotonic() < end_s and not self._is_ending():
            try:
                await self._executor.arun(watching.look(POLL_S))
            except (StoreUnavailableError, StoreTimeoutError) as error:
                yield _event("away", {"reason": one_line(str(error), 400)})
                await asyncio.sleep(POLL_S)
            changes = list(watching.found)
            watching.found.clear()
            if left_out := max(0, len(changes) - MOST_TOLD):
                yield _event("skipped", {"changes": left_out})
            for change in changes[left_out:]:
                yield _event("change", _texts_of_change(change, place.user_id, base))
            if changes or time.monotonic() - told_s > _HEARTBEAT_S:
                # A comment: it keeps the connection, and finds out whether the visitor left.
                yield ": \n\n"
                told_s = time.monotonic()


class _EventStream(StreamingResponse):
    """A stream that is closed at once when its visitor leaves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        events: Any = self.body_iterator
        async with aclosing(events):
            await super().__call__(scope, receive, send)


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _texts_of_change(change: StoredChange, user_id: str, base: str) -> dict[str, Any]:
    """Return a change as texts that a page may show."""
    place = UserNamespace(user_id, decode_labels(change.namespace))
    return {
        "at": moment_text(change.at),
        "what": "removed" if change.gone else "written",
        "namespace": one_line(named_labels(place.labels), 200),
        "key": one_line(change.key, 60),
        "href": f"{base}/item?{query_of(place, change.key)}",
        "text": "" if change.gone else one_line(safe_json(change.value), _LONGEST_TOLD),
    }

"""Detection of a server that no longer answers and was replaced by another.

A statement may take long, so silence on one connection proves nothing. A new connection tells more:
it reaches the same server, another, or none. A server is given up only if the new connection
reaches another one, and the silent server does not even say that it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .connector import Connection, Connector

UNANSWERED_S = 1.0
"""How long a connection may be in use until its server is checked."""

AGAIN_S = 2.0
"""After so long, a server that answered is checked again."""

RECHECK_S = 0.25
"""The pause between two checks of a server that does not answer."""

_USUAL_S = 0.3
_LIMIT_S = 2.0

# The request for encryption: every server and pooler answers it before a login.
_ARE_YOU_THERE = bytes((0, 0, 0, 8, 4, 210, 22, 47))


def server_of(connection: Connection) -> Any:
    """Return the address of the connection: of TCP, or a socket's path; None if unknown."""
    transport = getattr(connection, "_transport", None)
    return None if transport is None else transport.get_extra_info("peername")


Use: TypeAlias = Literal["get", "write", "statement", "refresh"]


@dataclass(slots=True)  # not frozen, which is three times slower to make
class Held:
    """The use of a connection that is lent, and its start by the loop's clock."""

    use: Use
    since_s: float


class Watchdog:
    """Checks servers that leave statements unanswered, while there are any; on the running loop.

    `held` are the connections in use. `replace` is called with a server that was replaced, and a
    connection to its successor.
    """

    def __init__(
        self,
        connector: Connector,
        held: Mapping[Connection, Held],
        replace: Callable[[Any, Connection], None],
    ) -> None:
        self._connector = connector
        self._held = held
        self._replace = replace
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self.is_awake = False

    def wake(self, after_s: float = UNANSWERED_S) -> None:
        """Schedule a check after that time, unless one is scheduled or running."""
        if not self.is_awake:
            self.is_awake = True
            self._timer = self._loop.call_later(after_s, self._look)

    async def stop(self) -> None:
        """End the checks; a check in progress reports nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _look(self) -> None:
        self._timer, self.is_awake = None, False
        if not self._held:
            return
        oldest_s = min(held.since_s for held in self._held.values())
        left_s = oldest_s + UNANSWERED_S - self._loop.time()
        if left_s > 0:
            self.wake(left_s)
        else:
            self.is_awake = True
            self._looking = self._loop.create_task(self._look_at_silent_servers())

    async def _look_at_silent_servers(self) -> None:
        late_s, pause_s = self._loop.time() - UNANSWERED_S, AGAIN_S
        unanswered = [c for c, held in self._held.items() if held.since_s <= late_s]
        try:
            for server in {server_of(connection) for connection in unanswered} - {None}:
                found = await check_server(self._connector, server)
                if found.successor is not None:
                    self._replace(server, found.successor)
                elif not found.answers:
                    pause_s = RECHECK_S
        finally:
            self._looking, self.is_awake = None, False
        self.wake(pause_s)


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """The result of a check: whether the server answers, and otherwise its successor, if any."""

    answers: bool
    successor: Connection | None = None


async def check_server(connector: Connector, server: Any) -> ServerCheck:
    """Check whether a server is still there, within 3 s; at once if it is."""
    attempt = asyncio.ensure_future(connector.connect(_LIMIT_S))
    taken = False
    try:
        await asyncio.wait([attempt], timeout=_USUAL_S)
        if _leads_to(attempt) == server or not await _is_silent(server):
            return ServerCheck(answers=True)
        await asyncio.wait([attempt])
        taken = _leads_to(attempt) not in (None, server)
        return ServerCheck(_leads_to(attempt) == server, attempt.result() if taken else None)
    finally:
        if not taken:
            attempt.cancel()
            attempt.add_done_callback(_drop)


def _leads_to(attempt: asyncio.Future[Connection]) -> Any:
    if not attempt.done() or attempt.cancelled() or attempt.exception() is not None:
        return None
    return server_of(attempt.result())


def _drop(attempt: asyncio.Future[Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


async def _is_silent(server: Any) -> bool:
    writer: asyncio.StreamWriter | None = None

    async def ask() -> None:
        nonlocal writer
        if isinstance(server, str):
            reader, writer = await asyncio.open_unix_connection(server)
        else:
            reader, writer = await asyncio.open_connection(*server[:2])
        writer.write(_ARE_YOU_THERE)
        await reader.read(1)

    try:
        await asyncio.wait_for(ask(), _LIMIT_S)
    except (OSError, asyncio.TimeoutError):
        return True
    finally:
        if writer is not None:
            writer.close()
    return False

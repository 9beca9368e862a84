"""A proxy that puts a server at a distance, and counts the round trips made to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from typing_extensions import Self

_CHUNK = 1 << 16


class DelayingProxy:
    """Bytes pass after `one_way_s`, in order; many may be on their way at once.

    Runs on a thread of its own while the `with` block lasts. `dsn` leads through the proxy to
    the database of the given DSN, which names a Unix socket or a host and port.
    """

    def __init__(self, dsn: str, one_way_s: float) -> None:
        self._target = dsn
        self._one_way_s = one_way_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._trips: dict[int, int] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def dsn(self) -> str:
        """For clients that are to have the distance."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        parts = urlsplit(self._target)
        user = parts.username or "postgres"
        return f"postgresql://{user}@127.0.0.1:{port}{parts.path}?sslmode=disable"

    @property
    def longest_chain(self) -> int:
        """Round trips in series since `forget_trips`: the most on any one connection."""
        return max(self._trips.values(), default=0)

    def forget_trips(self) -> None:
        """Counts anew."""
        self._trips.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        server_reader, server_writer = await self._connect()
        turns = _Turns(self._trips, id(task))
        try:
            await asyncio.gather(
                self._pass_on(client_reader, server_writer, turns.asked),
                self._pass_on(server_reader, client_writer, turns.answered),
            )
        except asyncio.CancelledError:
            pass  # the proxy stops
        finally:
            self._connections.discard(task)
            for writer in (client_writer, server_writer):
                writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._target)
        query = parse_qs(parts.query)
        host = query.get("host", [parts.hostname or "localhost"])[0]
        port = int(query.get("port", [str(parts.port or 5432)])[0])
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[], None]
    ) -> None:
        on_their_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(on_their_way, writer))
        try:
            with suppress(ConnectionError):
                while chunk := await reader.read(_CHUNK):
                    seen()
                    on_their_way.put_nowait((self._loop.time() + self._one_way_s, chunk))
            on_their_way.put_nowait((self._loop.time() + self._one_way_s, b""))
            await delivering
        finally:
            delivering.cancel()

    async def _deliver(
        self, on_their_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, chunk = await on_their_way.get()
            await asyncio.sleep(due - self._loop.time())
            if not chunk:
                writer.close()
                return
            writer.write(chunk)


class _Turns:
    """Counts a round trip whenever a client speaks after the server did."""

    def __init__(self, trips: dict[int, int], connection: int) -> None:
        self._trips = trips
        self._connection = connection
        self._server_spoke = True

    def asked(self) -> None:
        if self._server_spoke:
            self._trips[self._connection] = self._trips.get(self._connection, 0) + 1
        self._server_spoke = False

    def answered(self) -> None:
        self._server_spoke = True

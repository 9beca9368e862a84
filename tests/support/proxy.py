"""A network between client and server that is slow, stalls, or breaks on demand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

_CHUNK_BYTES = 65_536


class Proxy:
    """Listens on a port of 127.0.0.1 in front of the server of a DSN; use it in a `with` block.

    It runs on a thread and an event loop of its own, so blocking and async tests can use it.

    Args:
        dsn: whose server it stands before: a Unix socket, or host and port.
        round_trip_s: how far away the server seems; each direction takes half of it.
    """

    def __init__(self, dsn: str, *, round_trip_s: float = 0.0) -> None:
        self._dsn = dsn
        self.round_trip_s = round_trip_s
        self.connections = 0
        self._round_trips = 0
        self._accepts = True
        self._lost: bytes | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self._requests, self._answers, self._server = future.result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def dsn(self) -> str:
        """The DSN that leads through the proxy."""
        parts = urlsplit(self._dsn)
        options = {k: v[0] for k, v in parse_qs(parts.query).items() if k not in ("host", "port")}
        user = parts.netloc.rpartition("@")[0] or "postgres"
        netloc = f"{user}@127.0.0.1:{self.port}"
        return parts._replace(netloc=netloc, query=urlencode(options)).geturl()

    @property
    def round_trips(self) -> int:
        """How often a client spoke after the server had: what distance costs, so many times."""
        return self._round_trips

    @property
    def longest_chain(self) -> int:
        """The most round trips on any one open connection since `reset_chains()`."""
        return max((link.round_trips for link in list(self._links)), default=0)

    def reset_chains(self) -> None:
        """Count the round trips of each open connection from zero."""

        def reset() -> None:
            for link in self._links:
                link.round_trips = 0

        self._do(reset)

    def stall(self, *, answers_only: bool = False) -> None:
        """Nothing arrives any more, as with a cable pulled; connections stay open."""
        self._do(self._answers.clear)
        if not answers_only:
            self._do(self._requests.clear)

    def lose(self, words: bytes) -> None:
        """The next request that has these words in it never arrives; its connection stays open."""
        self._lost = words

    def say(self, words: bytes) -> None:
        """Every client hears these words as if the server had said them."""

        def say() -> None:
            for link in self._links:
                link.say(words)

        self._do(say)

    def resume(self) -> None:
        """What was held back arrives."""
        self._do(self._requests.set)
        self._do(self._answers.set)

    def cut(self) -> None:
        """Breaks every connection, on both sides; new ones are welcome."""
        self._do(self._abort_all)

    def refuse(self) -> None:
        """Breaks every connection and each new one at once, until `accept()`."""
        self._accepts = False
        self.cut()

    def accept(self) -> None:
        self._accepts = True

    def _do(self, function: Callable[[], Any]) -> None:
        done = threading.Event()

        def run() -> None:
            function()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    async def _listen(self) -> tuple[asyncio.Event, asyncio.Event, asyncio.Server]:
        requests, answers = asyncio.Event(), asyncio.Event()
        requests.set()
        answers.set()
        return requests, answers, await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _stop(self) -> None:
        self._server.close()
        self._abort_all()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _abort_all(self) -> None:
        for link in list(self._links):
            link.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepts:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await _connect(self._dsn)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        link = _Link(writer, server_writer)
        self._links.add(link)
        for source, target, flowing in (
            (reader, server_writer, self._requests),
            (server_reader, writer, self._answers),
        ):
            task = self._loop.create_task(self._pump(link, source, target, flowing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self,
        link: _Link,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        flowing: asyncio.Event,
    ) -> None:
        """Forwards until either side closes. A chunk is on its way while later ones follow it."""
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = self._loop.create_task(self._deliver(chunks, target, flowing))
        asks = flowing is self._requests
        with suppress(OSError):
            while chunk := await source.read(_CHUNK_BYTES):
                if asks and link.answered:
                    self._round_trips += 1
                    link.round_trips += 1
                link.answered = not asks
                if asks and self._lost is not None and self._lost in chunk:
                    self._lost = None
                    continue
                chunks.put_nowait((self._loop.time() + self.round_trip_s / 2, chunk))
        chunks.put_nowait((self._loop.time() + self.round_trip_s / 2, b""))
        try:
            await delivery
        finally:
            delivery.cancel()
            link.abort()
            self._links.discard(link)

    async def _deliver(
        self,
        chunks: asyncio.Queue[tuple[float, bytes]],
        target: asyncio.StreamWriter,
        flowing: asyncio.Event,
    ) -> None:
        while True:
            due, chunk = await chunks.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            await flowing.wait()
            if not chunk:
                return
            with suppress(OSError):
                target.write(chunk)
                await target.drain()


class _Link:
    """The two ends of one proxied connection, which of them spoke last, and its round trips."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.answered = True
        self.round_trips = 0

    def say(self, words: bytes) -> None:
        self._writers[0].write(words)

    def abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def _connect(dsn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(dsn)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    host = parts.hostname or unquote(options.get("host", "127.0.0.1"))
    port = parts.port or int(options.get("port", 5432))
    if host.startswith("/"):
        return await asyncio.open_unix_connection(str(Path(host) / f".s.PGSQL.{port}"))
    return await asyncio.open_connection(host, port)

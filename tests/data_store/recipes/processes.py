"""Agents in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support import warm_processes

from .host import error_of

_ROOT = Path(__file__).parents[3]
_HOST = "tests.data_store.recipes.host"


class AgentProcess:
    """An agent of a host that was started for it; call it as one would call its `run`."""

    def __init__(
        self,
        process: Process | warm_processes.Forked,
        answers: StreamReader,
        orders: StreamWriter,
        complaints: IO[bytes],
    ) -> None:
        self._process = process
        self._answers = answers
        self._orders = orders
        self._complaints = complaints
        self._has_ended = False

    @classmethod
    async def start(cls, dsn: str, schema: str, user_id: str, agent: str) -> AgentProcess:
        arguments = [dsn, schema, user_id, agent]
        complaints = TemporaryFile()  # noqa: SIM115
        if warm_processes.ARE_THERE:
            return await cls._fork(arguments, complaints)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _HOST, *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=complaints,
            cwd=_ROOT,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        return cls(process, process.stdout, process.stdin, complaints)

    @classmethod
    async def _fork(cls, arguments: list[str], complaints: IO[bytes]) -> AgentProcess:
        ours, its = socket.socketpair()
        with its:
            streams = (its.fileno(), its.fileno(), complaints.fileno())
            process = await asyncio.to_thread(
                warm_processes.forks().start, _HOST, arguments, os.environ, streams
            )
        return cls(process, *await asyncio.open_connection(sock=ours), complaints)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def __call__(self, input_dict: dict[str, Any], tools: Any = None) -> Any:
        await self.begin(input_dict)
        return await self.result(tools)

    async def begin(self, input_dict: dict[str, Any]) -> None:
        """Lets it run, and does not wait for it."""
        await self._send(input_dict)

    async def call_of(self, tool: str) -> list[Any]:
        """The arguments with which it calls this tool, and now waits for the answer."""
        line = await self._line()
        assert line.get("tool") == tool, line
        arguments: list[Any] = line["arguments"]
        return arguments

    async def answer(self, result: Any = None) -> None:
        await self._send({"result": result})

    async def result(self, tools: Any = None) -> Any:
        """What the run comes to; until then its tools are called here."""
        while "tool" in (line := await self._line()):
            try:
                answer = {"result": await getattr(tools, line["tool"])(*line["arguments"])}
            except Exception as error:
                answer = {"error": [type(error).__name__, str(error)]}
            await self._send(answer)
        if "error" in line:
            raise error_of(*line["error"])
        return line["result"]

    async def kill(self) -> None:
        """As `kill -9`; returns when it is dead."""
        self._process.kill()
        await self._end()

    async def stop(self) -> None:
        """Lets it end, and sees that it ends well; nothing if it was killed."""
        if not self._has_ended:
            assert await self._end() == (0, b"")

    async def _end(self) -> tuple[int, bytes]:
        self._has_ended = True
        with suppress(OSError):
            self._orders.write_eof()
        if isinstance(self._process, Process):
            status = await asyncio.wait_for(self._process.wait(), 60)
        else:
            status = await asyncio.to_thread(self._process.wait, 60)
        self._orders.close()
        with self._complaints as complaints:
            complaints.seek(0)
            return status, complaints.read()

    async def _send(self, line: dict[str, Any]) -> None:
        self._orders.write(json.dumps(line).encode() + b"\n")
        await self._orders.drain()

    async def _line(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self._answers.readline(), 60)
        if not line:
            raise AssertionError(str(await self._end()))
        said: dict[str, Any] = json.loads(line)
        return said

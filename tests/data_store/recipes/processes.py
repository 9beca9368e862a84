"""Agents in processes of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from .host import error_of

_ROOT = Path(__file__).parents[3]
_HOST = "tests.data_store.recipes.host"


class AgentProcess:
    """An agent of a host that was started for it; call it as one would call its `run`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, dsn: str, schema: str, user_id: str, agent: str) -> AgentProcess:
        command = [sys.executable, "-m", _HOST, dsn, schema, user_id, agent]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=_ROOT
        )
        return cls(process)

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
        if self._process.returncode is None:
            complaints = await self._end()
            assert (await self._process.wait(), complaints) == (0, b"")

    async def _end(self) -> bytes:
        assert self._process.stdin is not None
        self._process.stdin.close()
        _, complaints = await asyncio.wait_for(self._process.communicate(), 60)
        return complaints

    async def _send(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        await self._process.stdin.drain()

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        if not line:
            raise AssertionError((await self._end()).decode())
        said: dict[str, Any] = json.loads(line)
        return said

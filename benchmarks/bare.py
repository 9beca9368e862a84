"""The limits of a row: the same statements on the bare driver, and in pgbench.

They have no store around them: values are not encoded, decoded, checked or batched. Calls of many
tasks, which the store puts into one statement, are a statement each here.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import asyncpg
import uvloop
from langgraph.store.base import Op

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded.programs import Programs, bundled_major

from .harness import Contestant, Limits

LIMIT_HEADINGS = ("bare asyncpg", "pgbench")

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_KEY = 3
"""The place of the key among the arguments of a put."""

_NEW_KEY = f"\\set v{_KEY} random(1, 1000000000000000)\n"


@dataclass(frozen=True, slots=True)
class Bare:
    """Operations as the statement that the store sends for each, in a database that both read.

    `new`: each is a put of an item that is new, whatever its key.
    """

    dsn: str
    sql: str
    arguments: Sequence[tuple[Any, ...]]
    connections: int
    new: bool

    @classmethod
    def of(
        cls, store: AgentStore, ops: Sequence[Op], dsn: str, connections: int, *, new: bool
    ) -> Bare:
        """Plan the operations, which are of one kind."""
        statements = [store.explain(op) for op in ops]
        arguments = [statement.arguments for statement in statements]
        return cls(dsn, statements[0].sql, arguments, connections, new)

    def limits(self, tasks: int) -> Limits:
        """Return what the driver and pgbench do with as many tasks, on the store's connections."""
        clients = min(tasks, self.connections)
        driver = Contestant("asyncpg", lambda steps: uvloop.run(self._drive(clients, steps)))
        pgbench = Contestant("pgbench", lambda steps: self._pgbench(clients, steps))
        return (driver, pgbench)

    def blocking_limits(self) -> Limits:
        """Return the same for a caller who waits: a loop that runs for each statement."""
        driver = Contestant("asyncpg, blocking", self._drive_blocking)
        pgbench = Contestant("pgbench", lambda steps: self._pgbench(1, steps))
        return (driver, pgbench)

    async def _drive(self, clients: int, steps: int) -> float:
        """Run `steps` statements on each connection; return the seconds per statement."""
        opened = [await self._connected() for _ in range(clients)]
        values = self._values()

        async def client(connection: Any, prepared: Any) -> None:
            for given in islice(values, steps):
                await prepared.fetch(*given)
            await connection.close()

        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*[client(*each) for each in opened])
        return (loop.time() - began) / (steps * clients)

    def _drive_blocking(self, steps: int) -> float:
        loop = asyncio.new_event_loop()
        run: Callable[[Coroutine[Any, Any, Any]], Any] = loop.run_until_complete
        try:
            connection, prepared = run(self._connected())
            began = loop.time()
            for given in islice(self._values(), steps):
                run(prepared.fetch(*given))
            took = loop.time() - began
            run(connection.close())
        finally:
            loop.close()
        return took / steps

    async def _connected(self) -> tuple[Any, Any]:
        connection = await asyncpg.connect(self.dsn)
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            format="binary",
            encoder=lambda text: b"\x01" + text,
            decoder=bytes,
        )
        return connection, await connection.prepare(self.sql)

    def _values(self) -> Iterator[tuple[Any, ...]]:
        if not self.new:
            return cycle(self.arguments)
        return ((*given[: _KEY - 1], uuid4().hex, *given[_KEY:]) for given in cycle(self.arguments))

    def _pgbench(self, clients: int, transactions: int) -> float:
        """Return the seconds per transaction, as pgbench counts them: once connected."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
            script.write(f"{_NEW_KEY if self.new else ''}{self._pgbench_sql()};\n")
            script.flush()
            command = [
                str(Programs(bundled_major()).folder / "pgbench"),
                "--no-vacuum",
                "--protocol=prepared",
                f"--client={clients}",
                f"--transactions={transactions}",
                f"--file={script.name}",
                *self._pgbench_variables(),
                self.dsn,
            ]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = _TPS.search(done.stdout)
        if found is None:
            raise RuntimeError(f"pgbench said no tps: {done.stdout}")
        return 1 / float(found[1])

    def _pgbench_sql(self) -> str:
        """Return the statement with variables `:v1` for `$1`; pgbench's are never null or empty."""

        def variable(found: re.Match[str]) -> str:
            value = self.arguments[0][int(found[1]) - 1]
            return {None: "NULL", "": "''"}.get(value, f":v{found[1]}")

        return re.sub(r"\$(\d+)", variable, re.sub(r"--.*", "", self.sql))

    def _pgbench_variables(self) -> Iterator[str]:
        for n, value in enumerate(self.arguments[0], 1):
            if value not in (None, "") and not (self.new and n == _KEY):
                yield f"--define=v{n}={value.decode() if isinstance(value, bytes) else value}"

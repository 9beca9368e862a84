"""What goes wrong, and when: a schedule by a seed, and who carries it out."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import psycopg
from typing_extensions import LiteralString

from tests.runtime.pairs import PairedServer
from tests.support.faults import APPLICATION
from tests.support.servers import TestServer

Kind: TypeAlias = Literal[
    "terminate one", "terminate all", "cancel one", "cancel all", "kill server", "freeze server"
]


Server: TypeAlias = TestServer | PairedServer


@dataclass(frozen=True)
class Mishap:
    """`at_s` after the beginning; `lasts_s` is how long the server then stays away."""

    at_s: float
    kind: Kind
    lasts_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.at_s:6.1f} s  {self.kind}" + (f", {self.lasts_s:.1f} s" * (self.lasts_s > 0))


def schedule(seed: int, length_s: float) -> Iterator[Mishap]:
    """Connections end every few seconds; every 60 to 90 s the server dies or freezes, in turns.

    Nothing happens in the last five seconds.
    """
    chance = random.Random(seed)
    at_s, worst_at_s = 0.0, chance.uniform(15, 25)
    dies = True
    while True:
        at_s += chance.uniform(2, 6)
        if at_s > length_s - 5:
            return
        if at_s < worst_at_s:
            yield Mishap(at_s, "terminate one" if chance.random() < 0.8 else "terminate all")
            continue
        kind: Kind = "kill server" if dies else "freeze server"
        lasts_s = chance.uniform(0, 3) if dies else chance.uniform(1, 6)
        yield Mishap(at_s, kind, lasts_s)
        at_s += lasts_s
        worst_at_s, dies = at_s + chance.uniform(30, 45), not dies


class Backends:
    """What serves the stores of one database, and how often it was struck."""

    def __init__(self, dsn: str) -> None:
        self.connections_ended = 0
        self.statements_cancelled = 0
        self._dsn = dsn

    def strike(self, kind: Kind) -> None:
        """Ends connections, or cancels the statements that they run: of one or of all."""
        most = 1 if kind.endswith("one") else 1000
        if kind.startswith("terminate"):
            self.connections_ended += self._struck(
                "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = %s"
                " ORDER BY random() LIMIT %s) chosen",
                most,
            )
        else:
            self.statements_cancelled += self._struck(
                "SELECT pg_cancel_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = %s"
                " AND state = 'active' ORDER BY random() LIMIT %s) chosen",
                most,
            )

    def _struck(self, statement: LiteralString, most: int) -> int:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            return len(connection.execute(statement, [APPLICATION, most]).fetchall())


class Chaos:
    """Carries a schedule out; remembers what happened."""

    def __init__(self, server: Server) -> None:
        self.happened: list[Mishap] = []
        self.backends = Backends(server.dsn)
        self._server = server

    def reign(self, mishaps: Iterator[Mishap]) -> None:
        begun = time.monotonic()
        for mishap in mishaps:
            time.sleep(max(0.0, begun + mishap.at_s - time.monotonic()))
            print(mishap, flush=True)
            self._bring(mishap)
            self.happened.append(mishap)

    def _bring(self, mishap: Mishap) -> None:
        if mishap.kind == "kill server":
            self._server.kill()
            time.sleep(mishap.lasts_s)
            self._server.restart()
        elif mishap.kind == "freeze server":
            self._server.freeze()
            try:
                time.sleep(mishap.lasts_s)
            finally:
                self._server.thaw()
        else:
            self.backends.strike(mishap.kind)

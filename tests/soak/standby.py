"""A primary with a standby that answers reads, and what befalls the standby."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.runtime.pairs import Pair, streaming_pair
from tests.support.faults import execute

KINDS = ("kill standby", "pause standby", "freeze standby")
LONGEST_S = {"kill standby": 8.0, "pause standby": 15.0, "freeze standby": 3.0}


@contextmanager
def asynchronous_pair() -> Iterator[Pair]:
    """A standby that may lag, and be away for a while."""
    with streaming_pair() as pair:
        for setting in ("synchronous_standby_names = ''", "wal_keep_size = '2GB'"):
            execute(pair.primary.dsn, f"ALTER SYSTEM SET {setting}")
        execute(pair.primary.dsn, "SELECT pg_reload_conf()")
        yield pair


class StandbyChaos:
    """Kills, pauses and freezes the standby in turn, on a thread of its own."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.happened: Counter[str] = Counter()
        self.faults: list[str] = []
        self._pair = pair
        self._chance = random.Random(f"{seed} standby")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._reign, name="standby", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _reign(self) -> None:
        number = 0
        while not self._over.wait(self._chance.uniform(4, 10)):
            kind = KINDS[number % len(KINDS)]
            number += 1
            lasts_s = self._chance.uniform(0.5, LONGEST_S[kind])
            print(f"          {kind}, {lasts_s:.1f} s", flush=True)
            try:
                self._bring(kind, lasts_s)
            except Exception as error:
                self.faults.append(f"{kind}: {error!r}")
                return
            self.happened[kind] += 1

    def _bring(self, kind: str, lasts_s: float) -> None:
        standby: Any = self._pair.standby
        if kind == "kill standby":
            standby.kill()
            time.sleep(lasts_s)
            standby.restart()
        elif kind == "pause standby":
            execute(standby.dsn, "SELECT pg_wal_replay_pause()")
            time.sleep(lasts_s)
            execute(standby.dsn, "SELECT pg_wal_replay_resume()")
        else:
            standby.freeze()
            try:
                time.sleep(lasts_s)
            finally:
                standby.thaw()

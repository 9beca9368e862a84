"""An hour's work of all surfaces in ten minutes, while connections and servers die."""

from __future__ import annotations

import faulthandler
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest
from typing_extensions import Self

from tests.runtime.pairs import Pair
from tests.soak.chaos import Chaos, Server, schedule
from tests.soak.opening import CONTROLS, Opening, opening_on
from tests.soak.outcome import WARM_UP_SHARE, Outcome
from tests.soak.planted import TRIGGERS, turn_triggers_off
from tests.soak.standby import StandbyChaos, asynchronous_pair
from tests.support.servers import TestServer, temporary_folder

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform == "win32", reason="there is neither SIGKILL nor SIGSTOP"),
]

PROCESSES = 2
LONGEST_ANSWER_S = 600.0
WARNINGS = ("-W", "default", "-W", "ignore::DeprecationWarning")
MINUTES = float(os.environ.get("AGENTSTORE_SOAK_MINUTES", "10"))
SEED = int(os.environ.get("AGENTSTORE_SOAK_SEED", random.SystemRandom().randrange(10**6)))
WANTED = os.environ.get("AGENTSTORE_SOAK_CONTROLS", "none")
PLANTED = os.environ.get("AGENTSTORE_SOAK_PLANT", "").split(",")
ON = {"all": CONTROLS, "none": ()}.get(WANTED, tuple(WANTED.split(",")))
PACE = float(os.environ.get("AGENTSTORE_SOAK_PACE", "1"))
FOLDER = Path(os.environ.get("AGENTSTORE_SOAK_FOLDER", "build/soak")).resolve()


class Crew:
    """One process of the soak, told what to do by lines."""

    def __init__(self, number: int, opening: Opening) -> None:
        self.number = number
        self._errors = FOLDER / f"errors-{number}.txt"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *WARNINGS, "-m", "tests.soak.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        task = {
            "process": number,
            "processes": PROCESSES,
            "seed": SEED,
            "opening": opening.as_task(),
            "folder": str(FOLDER),
            "traced": number == 0,
            "planted": PLANTED,
            "compared_with_s": MINUTES * 60 * WARM_UP_SHARE / 2,
        }
        self.tell(json.dumps(task))
        assert self.answer() == "ready"

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        # One that hangs is killed, and then says nothing.
        deadline = Timer(LONGEST_ANSWER_S, self.process.kill)
        deadline.start()
        line = self.process.stdout.readline()
        deadline.cancel()
        assert line, f"process {self.number} died or hung: {self._errors.read_text()[-4000:]}"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait()

    def end(self) -> dict[str, Any]:
        self.tell("end")
        report: dict[str, Any] = self.answer()
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        report["errors"] = self._errors.read_text()
        return report


def told(crews: list[Crew], order: str) -> None:
    """All do it at once."""
    for crew in crews:
        crew.tell(order)
    for crew in crews:
        crew.answer()


@pytest.fixture
def pair() -> Iterator[Pair | None]:
    """A primary and its standby, if the run reads from one."""
    if "replica" not in ON:
        yield None
        return
    with asynchronous_pair() as pair:
        yield pair


@pytest.fixture
def server(pair: Pair | None) -> Iterator[Server]:
    """The server to be killed, frozen and restarted: the primary, or one that is alone."""
    if pair is not None:
        yield pair.primary
        return
    with temporary_folder() as folder:
        alone = TestServer(folder)
        yield alone
        alone.stop()


def test_an_hours_work_loses_nothing_crosses_nothing_and_leaves_nothing(
    pair: Pair | None, server: Server
) -> None:
    assert set(ON) <= set(CONTROLS), f"AGENTSTORE_SOAK_CONTROLS: {', '.join(CONTROLS)}"
    faulthandler.cancel_dump_traceback_later()  # it is to last
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"soak: {MINUTES:g} minutes, AGENTSTORE_SOAK_SEED={SEED}, results in {FOLDER}")
    print(f"controls: {', '.join(ON) or 'none'}")
    opening = opening_on(server.dsn, None if pair is None else pair.standby.dsn, ON)
    with ExitStack() as stack:
        crews = [stack.enter_context(Crew(n, opening)) for n in range(PROCESSES)]
        outcome = soak(crews, server, pair, opening)
    outcome.write()
    assert outcome.faults == []


def soak(crews: list[Crew], server: Server, pair: Pair | None, opening: Opening) -> Outcome:
    chaos = Chaos(server)
    standby = None if pair is None else StandbyChaos(pair, SEED)
    told(crews, "go")
    begun = time.monotonic()
    if standby is not None:
        standby.start()
    for control in {*PLANTED} & {*TRIGGERS}:
        Thread(target=turn_triggers_off, args=[control, opening.owner_dsn], daemon=True).start()
    chaos.reign(schedule(SEED, MINUTES * 60))
    time.sleep(max(0.0, begun + MINUTES * 60 - time.monotonic()))
    if standby is not None:
        standby.stop()
    told(crews, "stop")
    told(crews, "check")
    reports = [crew.end() for crew in crews]
    return Outcome(reports, chaos, standby, opening, FOLDER, MINUTES, PACE)

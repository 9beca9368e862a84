"""The result of a run: its faults, its figures, and a table of memory and pace over time."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langgraph_agentstore.errors import AgentStoreError
from tests.soak.chaos import Chaos
from tests.soak.crew import check_claims
from tests.soak.in_database import faults_in_database
from tests.soak.opening import Opening
from tests.soak.samples import Sample, growth, read_samples
from tests.soak.standby import StandbyChaos
from tests.support.faults import backends, wait_until

MEBIBYTE = 2**20

WARM_UP_SHARE = 0.3
"""Of the time; until then caches fill: statements, texts, pages of the allocators."""

OPERATIONS_PER_MINUTE = 12_000
"""An hour of a hundred agents in ten minutes: every 30 s each has a turn of ten operations."""

SHORTEST_MINUTES = 5
"""A run that is shorter ends before it is warm."""

MOST_GROWN_SERVER = 8 * MEBIBYTE
"""Of an MCP server that is a process of its own, from when it is warm to the end."""

LEAST_GROWTH = {"traced": 2 * MEBIBYTE, "rss": 8 * MEBIBYTE}
"""Bytes once warm that are no fault, however few operations there were: caches that fill late."""

MOST_GROWTH = {"traced": 16.0, "rss": 48.0}
"""Bytes per operation, once warm.

The smallest object that Python can leave behind has 16 bytes and more: so less than one for each
operation. RSS also has what the allocators of C keep between many threads, which is no line.
"""


class Outcome:
    """The reports of all processes, held against each other and the database."""

    def __init__(
        self,
        reports: list[dict[str, Any]],
        chaos: Chaos,
        standby: StandbyChaos | None,
        opening: Opening,
        folder: Path,
        minutes: float,
        pace: float,
    ) -> None:
        self.reports = reports
        self.chaos = chaos
        self.minutes = minutes
        self.pace = pace
        self.standby = standby
        self.opening = opening
        self.folder = folder
        self.samples = [read_samples(folder / f"samples-{n}.csv") for n in range(len(reports))]
        self.faults = self._faults()
        """None, if all is well."""

    def _faults(self) -> list[str]:
        found = []
        for number, report in enumerate(self.reports):
            for tally in report["workers"].values():
                found += tally["faults"]
            found += [f"process {number} logged {text}" for text in report["logged_faults"]]
            found += [f"process {number} left {what}" for what in report["left"]]
            found += [report["errors"]] if report["errors"] else []
            found += report["leaks"]
            if self.opening.has("telemetry") and not report["spans"]:
                found.append(f"process {number} recorded no span")
        found += [] if self.standby is None else self.standby.faults
        return [*found, *self._pace(), *self._growth(), *self._in_database()]

    def figures(self) -> dict[str, Any]:
        workers = [t for report in self.reports for t in report["workers"].values()]
        return {
            "operations": sum(report["operations"] for report in self.reports),
            "turns": sum(tally["turns"] for tally in workers),
            "turns cut short": sum(tally["refused"] for tally in workers),
            "answers checked": sum(tally["checked"] for tally in workers),
            "mishaps": Counter(mishap.kind for mishap in self.chaos.happened),
            "standby": {} if self.standby is None else self.standby.happened,
            "connections ended": self.chaos.backends.connections_ended,
            "spans": sum(sum(report["spans"].values()) for report in self.reports),
            "controls": self._of_controls(),
            "bytes per operation": [self.growth_of(n) for n in range(len(self.reports))],
        }

    def _warm(self, process: int) -> list[Sample]:
        samples = self.samples[process]
        return [s for s in samples if s.seconds > samples[-1].seconds * WARM_UP_SHARE]

    def _grown(self, process: int, of: str) -> int:
        """Bytes from when it was warm to the end."""
        warm = self._warm(process)
        grown: int = getattr(warm[-1], of) - getattr(warm[0], of)
        return grown

    def growth_of(self, process: int) -> dict[str, float]:
        """Of the process that is traced by what is traced: its RSS has the tracer's tables too."""
        of = "traced" if any(sample.traced for sample in self.samples[process]) else "rss"
        return {of: round(growth(self._warm(process), of), 2)}

    def write(self) -> None:
        text = json.dumps({**self.figures(), "faults": self.faults, "reports": self.reports})
        (self.folder / "report.json").write_text(text, encoding="utf-8")
        (self.folder / "soak.md").write_text(minute_table(self.samples), encoding="utf-8")
        print(json.dumps(self.figures(), indent=1))

    def _growth(self) -> list[str]:
        if self.minutes < SHORTEST_MINUTES:
            return []
        return self._served_memory() + [
            f"process {n}: {of} grows by {by} bytes per operation"
            for n in range(len(self.reports))
            for of, by in self.growth_of(n).items()
            if by > MOST_GROWTH[of] and self._grown(n, of) > LEAST_GROWTH[of]
        ]

    def _pace(self) -> list[str]:
        done = sum(report["operations"] for report in self.reports)
        wanted = OPERATIONS_PER_MINUTE * self.minutes * self.pace
        return [f"{done} operations, of {wanted:.0f}"] if done < wanted else []

    def _in_database(self) -> list[str]:
        wait_until(lambda: not backends(self.opening.owner_dsn))
        found = list(faults_in_database(self.opening))
        try:
            check_claims(self._claims(), self.opening)
        except (AssertionError, AgentStoreError) as error:
            found.append(f"processes disagree: {error}")
        return found

    def _of_controls(self) -> dict[str, Any]:
        """How often each page was asked for, and what the owner did."""
        told: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for claim in self._claims().values():
            for what in ("pages", "kept"):
                told[what].update(claim.get(what, {}))
        return dict(told)

    def _served_memory(self) -> list[str]:
        """Servers at the other end of a pipe do too little for a line through their memory."""
        found = []
        for user, claim in self._claims().items():
            samples = claim.get("children", [])
            warm = [rss for _, rss in samples[int(len(samples) * WARM_UP_SHARE) :]]
            if warm and warm[-1] - warm[0] > MOST_GROWN_SERVER:
                found.append(f"the MCP server of {user} grew by {warm[-1] - warm[0]} bytes")
        return found

    def _claims(self) -> dict[str, dict[str, Any]]:
        """By user; of a user with workers in two processes, what both say."""
        claims: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for report in self.reports:
            for user, claim in report["claims"].items():
                claims[user] |= claim
        return claims


def minute_table(runs: Sequence[Sequence[Sample]]) -> str:
    """Return a Markdown table: memory in MiB after each minute, operations per second during it."""
    headings = [f"{of}, process {n}" for n in range(len(runs)) for of in ("RSS", "traced", "ops/s")]
    rows = [["minute", *headings], ["--:"] * (1 + len(headings))]
    last_minute = round(max(samples[-1].seconds for samples in runs) / 60)
    for minute in range(1, last_minute + 1):
        cells = [cell for samples in runs for cell in _minute_cells(samples, minute)]
        rows.append([str(minute), *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _minute_cells(samples: Sequence[Sample], minute: int) -> tuple[str, str, str]:
    start, end = (
        max(
            (s for s in samples if s.seconds <= 60 * m), key=lambda s: s.seconds, default=samples[0]
        )
        for m in (minute - 1, minute)
    )
    seconds = end.seconds - start.seconds
    pace = (end.operations - start.operations) / seconds if seconds else 0.0
    return f"{end.rss / MEBIBYTE:.1f}", f"{end.traced / MEBIBYTE:.1f}", f"{pace:.0f}"

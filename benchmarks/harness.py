"""One way to measure: contestants in turn, ratios within a round, a table, and a JSON file.

A race calibrates each contestant until a round takes about the time set, which also warms it up.
Then the rounds alternate, with a garbage collection before each. A row shows the median figure of
each side, and the median ratio of the rounds with its least and its greatest.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias, TypeVar

OFFICIAL = "official"
HEADINGS = ("ours", "other", "ratio", "range", "goal", "met", "compared with")

Unit: TypeAlias = Literal["/s", "ms", "µs", "s", "MB", "trips"]

_FIRST_WIDTH, _WIDTH = 40, 7
RESULTS = Path(__file__).parent / "results"

Family: TypeAlias = "tuple[str, Callable[[], Iterable[Result]]]"

_WARM_UP_SHARE = 0.25
_PER_SECOND = {"s": 1, "ms": 1_000, "µs": 1_000_000}
_NOISY_SPREAD = 0.5  # greatest ratio minus least, over the median
_BUSY_LOAD = 0.3  # load per processor before the run, from which on figures are doubtful
_PACKAGES = (
    "langgraph_agentstore",
    "asyncpg",
    "uvloop",
    "langgraph-checkpoint-postgres",
    "psycopg",
    "langgraph-checkpoint",
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """The options that every measurement has. `rows`: families to run, none for all."""

    rows: tuple[str, ...] = ()
    rounds: int = 7
    quick: bool = False
    million: bool = False
    json: Path = RESULTS / "latest.json"
    connections: int = 8

    @property
    def seconds(self) -> float:
        """How long a round of one side takes."""
        return 0.08 if self.quick else 0.4

    @property
    def slow_rounds(self) -> int:
        """How many rounds there are where one takes seconds."""
        return max(1, min(3, self.rounds - 2))


OptionsT = TypeVar("OptionsT", bound=Options)


def command(module: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows the first line of a module's docstring as help."""
    words = (doc or "").partition("\n")[0].partition("`: ")[2]
    return argparse.ArgumentParser(prog=f"python -m {module}", description=words)


def option_parser(module: str, doc: str | None, rows: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser with the options that every race has."""
    parser = command(module, doc)
    listed, name = ", ".join(rows), module.partition(".")[2] or "latest"
    parser.add_argument("--rows", nargs="+", default=(), choices=rows, metavar="ROWS", help=listed)
    parser.add_argument("--rounds", type=int, help="rounds of each row (default 7, quick 3)")
    parser.add_argument("--quick", action="store_true", help="less data, shorter and fewer rounds")
    parser.add_argument("--json", type=Path, default=RESULTS / f"{name}.json", help="results file")
    return parser


def parsed(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, kind: type[OptionsT]
) -> OptionsT:
    """Return the options of a command line; exit with an explanation if it is not understood."""
    given: dict[str, Any] = vars(parser.parse_args(arguments))
    given["rounds"] = max(1, given["rounds"] or (3 if given["quick"] else 7))
    given["rows"] = tuple(given["rows"])
    return kind(**given)


@dataclass(frozen=True, slots=True)
class Goal:
    """The least ratio of a row and a better one to aim at, or a bound on our own figure.

    `at_most`: the greatest ratio, of a price.
    """

    ratio: float | None = None
    aim: float | None = None
    ours_at_most: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}×"
        if self.ours_at_most is not None:
            return f"≤ {self.ours_at_most:g}"
        if self.ratio is None:
            return ""
        return f"≥ {self.ratio:.2g}×" + (f", aim {self.aim:g}×" if self.aim else "")


NO_GOAL = Goal()


@dataclass(frozen=True, slots=True)
class Result:
    """One row: a figure per round and side. `rival` says what ours was compared with.

    `same`: whether both gave the same answers; None where there was nothing to compare.
    `right`: whether our answers are good enough to meet a goal. `extra`: cells of more columns.
    `price`: the ratio tells how many times as long ours takes. `limits`: what is reached without
    a store, by its name, a figure per round.
    """

    name: str
    unit: Unit
    ours: tuple[float, ...]
    theirs: tuple[float, ...] = ()
    rival: str = ""
    goal: Goal = NO_GOAL
    same: bool | None = None
    right: bool = True
    extra: tuple[str, ...] = ()
    price: bool = False
    limits: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times better ours is, by round: more per second, or less of anything else.

        Of a price: how many times worse.
        """
        pairs = zip(self.ours, self.theirs, strict=bool(self.theirs))
        if (self.unit == "/s") is not self.price:
            return tuple(ours / theirs for ours, theirs in pairs)
        return tuple(theirs / ours for ours, theirs in pairs)

    @property
    def spread(self) -> float:
        """How far the ratios lie apart, as a share of their median."""
        return (max(self.ratios) - min(self.ratios)) / median(self.ratios) if self.theirs else 0.0

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal. Wrong answers never meet one."""
        if self.goal.ours_at_most is not None:
            met = median(self.ours) <= self.goal.ours_at_most
        elif self.goal.at_most is not None and self.theirs:
            met = median(self.ratios) <= self.goal.at_most
        elif self.goal.ratio is not None and self.theirs:
            met = median(self.ratios) >= self.goal.ratio
        else:
            return None
        return met and self.same is not False and self.right

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as it is printed."""
        ratios = self.ratios
        unit = "" if self.goal.ours_at_most is None else f" {self.unit}"
        verdict = {None: "", True: "met", False: "missed"}[self.met]
        return (
            self.name,
            _figure(self.ours, self.unit),
            _figure(self.theirs, self.unit),
            f"{_times(median(ratios))}×" if ratios else "",
            f"{_times(min(ratios))}–{_times(max(ratios))}" if ratios else "",
            f"{self.goal}{unit}",
            "other answers" if self.same is False else verdict,
            self.rival,
            *self.extra,
            *(_figure(figures, self.unit) for figures in self.limits.values()),
        )


def _figure(figures: Sequence[float], unit: Unit) -> str:
    if not figures:
        return ""
    figure = median(figures)
    digits = 0 if figure >= 100 or figure.is_integer() else 1 if figure >= 10 else 2
    return f"{figure:,.{digits}f}{'' if unit == '/s' else ' '}{unit}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


@dataclass(frozen=True, slots=True)
class Contestant:
    """`run(steps)` does the work so many times over.

    It returns None, or seconds per step where these are not the time it took over the steps.
    """

    label: str
    run: Callable[[int], float | None]


Limits: TypeAlias = Sequence[Contestant]
"""Who does the same without a store."""


def race(
    name: str,
    ours: Contestant,
    rivals: Sequence[Contestant],
    options: Options,
    *,
    goal: Goal = NO_GOAL,
    same: bool | None = None,
    unit: Unit = "/s",
    per_step: int = 1,
    rival: str = OFFICIAL,
    price: bool = False,
    limits: Limits = (),
) -> Result:
    """Run ours against the fastest of the rivals, in turn; a step is `per_step` operations.

    `limits` run in the same rounds; a step of theirs is one operation.
    """
    our_steps = calibrated(ours, options.seconds)
    steps = {each.label: calibrated(each, options.seconds) for each in (*rivals, *limits)}
    tries = 0 if len(rivals) == 1 else 1 if options.quick else 2

    def best(contestant: Contestant) -> float:
        return max((rate(contestant, steps[contestant.label]) for _ in range(tries)), default=0.0)

    fastest = max(rivals, key=best)
    rates = alternate(
        options.rounds,
        lambda: rate(ours, our_steps) * per_step,
        lambda: rate(fastest, steps[fastest.label]) * per_step,
        *(partial(rate, each, steps[each.label]) for each in limits),
    )
    scale = _PER_SECOND.get(unit)
    first, second, *bounds = (
        tuple(scale / each if scale else each for each in side) for side in rates
    )
    label = f"{rival}, {fastest.label}" if rival == OFFICIAL else rival
    reached = {each.label: figures for each, figures in zip(limits, bounds, strict=True)}
    return Result(name, unit, first, second, label, goal, same, price=price, limits=reached)


def alternate(rounds: int, *measures: Callable[[], float]) -> list[tuple[float, ...]]:
    """Call the measures in turn, round by round; return the figures of each by round."""
    figures = [[measure() for measure in measures] for _ in range(rounds)]
    return list(zip(*figures, strict=True))


def calibrated(contestant: Contestant, seconds: float) -> int:
    """Return how many steps take about so many seconds; finding it warms the contestant up."""
    steps = 1
    while True:
        took, _ = _timed(contestant, steps)
        if took >= seconds * _WARM_UP_SHARE:
            return max(1, round(steps * seconds / took))
        steps *= 2


def rate(contestant: Contestant, steps: int) -> float:
    """Return the steps per second of one run."""
    took, seconds_per_step = _timed(contestant, steps)
    return 1 / (seconds_per_step or took / steps)


def _timed(contestant: Contestant, steps: int) -> tuple[float, float | None]:
    gc.collect()
    began = time.perf_counter()
    seconds_per_step = contestant.run(steps)
    return time.perf_counter() - began, seconds_per_step


def run(
    module: str,
    families: Iterable[Family],
    options: Options,
    server: str,
    extra: Sequence[str] = (),
) -> int:
    """Measure the families, print the rows as they come, and write all figures as JSON.

    A family that raises ends, and the others go on. Returns the exit status: 0 if every row ran,
    every goal is met and all answers agree. `extra`: headings of the cells that rows add.
    """
    load_before, began = _load_average(), time.monotonic()
    results: list[Result] = []
    problems: list[str] = []
    for name, family in families:
        if options.rows and name.partition(",")[0] not in options.rows:
            continue
        try:
            print_lines("")
            print_table((name, *HEADINGS, *extra), _kept(family(), results))
        except Exception as error:
            _logger.exception("the rows of %s", name)
            problems.append(f"the rows of {name} failed: {error}")
    failed = [result for result in results if result.met is False or result.same is False]
    for result in failed:
        kind = "answers differ" if result.same is False else "goal missed"
        problems.append(f"{result.name}: {kind}")
    print_lines("", *_doubts(results, load_before), *problems)
    facts = _conditions(server, options, load_before)
    facts |= {"command": " ".join([f"python -m {module}", *sys.argv[1:]]), "problems": problems}
    rows = [{**asdict(row), "ratios": row.ratios, "met": row.met} for row in results]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"conditions": facts, "rows": rows}, indent=1, default=str)
    options.json.write_text(content + "\n", encoding="utf-8")
    print_lines(f"{time.monotonic() - began:.0f} s; {options.json}")
    return 1 if problems else 0


def _kept(found: Iterable[Result], results: list[Result]) -> Iterator[tuple[str, ...]]:
    for result in found:
        results.append(result)
        yield result.cells


def _doubts(results: Sequence[Result], load_before: float) -> Iterator[str]:
    processors = os.cpu_count() or 1
    if load_before > _BUSY_LOAD * processors:
        yield (
            f"the load was {load_before:.2f} on {processors} processors before the run began: "
            "other work was running, and figures are too low"
        )
    if noisy := [f"{r.name} ({r.spread:.0%})" for r in results if r.spread > _NOISY_SPREAD]:
        yield "rounds of a row differ much: " + ", ".join(noisy)


def _conditions(server: str, options: Options, load_before: float) -> dict[str, Any]:
    return {
        "versions": {name: version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "server": server,
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load_before": load_before,
        "load_after": _load_average(),
        "options": asdict(options),
    }


def _load_average() -> float:
    """Return the load of the last minute; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown, each row as soon as it is measured.

    Columns are aligned where their cells are no wider than usual.
    """
    widths = [_FIRST_WIDTH, *(max(len(heading), _WIDTH) for heading in headings[1:])]

    def line(cells: Sequence[str]) -> str:
        first, *others = [*cells, *[""] * (len(widths) - len(cells))]
        right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        return f"| {' | '.join([first.ljust(widths[0]), *right])} |"

    print_lines(line(headings), f"|:--{'|--:' * (len(headings) - 1)}|")
    for row in rows:
        print_lines(line(row))


def print_lines(*lines: str) -> None:
    """Print lines at once, even into a file."""
    for line in lines:
        print(line, flush=True)

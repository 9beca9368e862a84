"""The figures as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .results import Result, missed, times

_MEASURED = (
    "langgraph_agentstore",
    "asyncpg",
    "uvloop",
    "langgraph-checkpoint-postgres",
    "psycopg",
    "langgraph-checkpoint",
)
_BUSY = 0.3
"""Load per processor before the run from which on figures are doubtful."""


def console() -> Console:
    """Wide enough for the table where the terminal does not say how wide it is."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=130)


def table(results: Sequence[Result]) -> Table:
    """One line a row: both medians, the median ratio, its range (yellow: noisy), the goal."""
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in ("", "ours", "other", "who", "ratio", "goal", ""):
        words = heading in ("", "who", "goal")
        shown.add_column(heading, justify="left" if words else "right")
    previous = ""
    for result in results:
        if previous not in ("", result.family):
            shown.add_section()
        previous = result.family
        shown.add_row(*_cells(result))
    return shown


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        _figure(median(result.ours), result),
        _figure(median(result.theirs), result) if result.theirs else "",
        result.rival,
        "" if result.ratio is None else _ratio_and_range(result, result.ratio),
        str(result.goal),
        _verdict(result),
    )


def _verdict(result: Result) -> str:
    if result.same is False:
        return "[bold red]other answers[/]"
    if result.met is None:
        return ""
    return "[green]met[/]" if result.met else "[bold red]missed[/]"


def _ratio_and_range(result: Result, ratio: float) -> str:
    colour = "yellow" if result.noisy else "dim"
    range_ = f"{times(min(result.ratios))}–{times(max(result.ratios))}"
    return f"[bold]{times(ratio)}×[/] [{colour}]{range_:>11}[/]"


def _figure(number: float, result: Result) -> str:
    digits = 0 if number >= 100 or number.is_integer() else 1 if number >= 10 else 2
    joint = "" if result.unit == "/s" else " "
    return f"{number:,.{digits}f}{joint}{result.unit}"


def warnings(results: Sequence[Result], load_before: float) -> list[str]:
    """What makes the figures doubtful, and which goals were missed."""
    found = []
    processors = os.cpu_count() or 1
    if load_before > _BUSY * processors:
        found.append(
            f"the load was {load_before:.2f} on {processors} processors before the run began: "
            "other work was running, and figures are too low"
        )
    if noisy := [f"{result.name} ({result.spread:.0%})" for result in results if result.noisy]:
        found.append("rounds of a row differ much: " + ", ".join(noisy))
    found.extend(
        f"{result.name}: answers differ" if result.same is False else f"{result.name}: goal missed"
        for result in missed(results)
    )
    return found


def conditions(server: str, options: dict[str, Any], load_before: float) -> dict[str, Any]:
    """Under which conditions the figures hold."""
    return {
        "versions": {name: version(name) for name in _MEASURED},
        "python": platform.python_version(),
        "server": server,
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load_before": load_before,
        "load_after": load_average(),
        "options": options,
    }


def load_average() -> float:
    """Of the last minute; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def write_json(path: Path, results: Sequence[Result], facts: dict[str, Any]) -> None:
    """All figures of all rounds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"conditions": facts, "rows": [result.as_json() for result in results]}
    path.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")

"""What one run of the measurements does, and for how long."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Options:
    """`rows`: families to run, none for all; `seconds`: of one round of one side."""

    rows: tuple[str, ...] = ()
    rounds: int = 7
    seconds: float = 0.4
    quick: bool = False
    million: bool = False
    json: Path = RESULTS / "latest.json"
    connections: int = 8

    @property
    def auditions(self) -> int:
        """How often each way to use the official store is tried before the fastest races."""
        return 1 if self.quick else 2

    @property
    def slow_rounds(self) -> int:
        """Rounds where one takes seconds."""
        return max(1, min(3, self.rounds - 2))


def parse_options(arguments: Sequence[str] | None, families: Sequence[str]) -> Options:
    """The options of a command line; exits with an explanation if it cannot be understood."""
    usual = Options()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="The store against the official one, in one run."
    )
    parser.add_argument(
        "--rows", nargs="+", default=[], choices=families, metavar="ROWS", help=", ".join(families)
    )
    parser.add_argument("--rounds", type=_positive, help="rounds of each row (default 7, quick 3)")
    parser.add_argument("--quick", action="store_true", help="a smaller run: under a minute")
    parser.add_argument("--million", action="store_true", help="also a namespace of 1,000,000")
    parser.add_argument("--json", type=Path, default=usual.json, help="where the figures go")
    given = parser.parse_args(arguments)
    return Options(
        rows=tuple(given.rows),
        rounds=given.rounds or (3 if given.quick else usual.rounds),
        seconds=0.08 if given.quick else usual.seconds,
        quick=given.quick,
        million=given.million,
        json=given.json,
    )


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number

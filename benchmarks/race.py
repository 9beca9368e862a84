"""Two contestants in turn: warmed up, round by round, with equal time for each."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .options import Options

_WARM_UP_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Contestant:
    """`run(steps)` does the work so many times over, and returns when it is done."""

    label: str
    run: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Race:
    """Steps per second, by round; and the label of the rival that ran."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    rival: str


def race(ours: Contestant, rivals: Sequence[Contestant], options: Options) -> Race:
    """Ours against the fastest of the rivals, in turn."""
    our_steps = calibrated(ours, options.seconds)
    steps = {rival.label: calibrated(rival, options.seconds) for rival in rivals}
    fastest = _fastest(rivals, steps, options.auditions)
    rounds = [
        (rate(ours, our_steps), rate(fastest, steps[fastest.label])) for _ in range(options.rounds)
    ]
    return Race(tuple(r[0] for r in rounds), tuple(r[1] for r in rounds), fastest.label)


def calibrated(contestant: Contestant, seconds: float) -> int:
    """The number of steps that take about so many seconds; finding it warms the contestant up."""
    steps = 1
    while True:
        speed = rate(contestant, steps)
        if steps / speed >= seconds * _WARM_UP_SHARE:
            return max(1, round(speed * seconds))
        steps *= 2


def rate(contestant: Contestant, steps: int) -> float:
    """Steps per second of one run."""
    gc.collect()
    began = time.perf_counter()
    contestant.run(steps)
    return steps / (time.perf_counter() - began)


def _fastest(rivals: Sequence[Contestant], steps: dict[str, int], auditions: int) -> Contestant:
    if len(rivals) == 1:
        return rivals[0]

    def best(rival: Contestant) -> float:
        return max(rate(rival, steps[rival.label]) for _ in range(auditions))

    return max(rivals, key=best)

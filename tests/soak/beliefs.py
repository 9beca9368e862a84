"""What may be in the database, as far as those know who wrote it.

A write is acknowledged, known not to have been made, or in doubt: the connection was lost, or no
answer came in time. One in doubt may be there or not; one that timed out may even come late.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from langgraph_agentstore.errors import StoreTimeoutError, StoreUnavailableError

ResultT = TypeVar("ResultT")

AWAY = (StoreUnavailableError, StoreTimeoutError)
"""What a caller hears while the server is killed, frozen or starting."""


LATE_S = 60.0
"""A write that timed out comes within this time, or never: twice what the server allows one."""


class Fate(Enum):
    """What became of a write."""

    DONE = "done"
    UNDONE = "undone"
    DOUBTFUL = "doubtful"
    LATE = "late"


def fate_of(error: Exception | None) -> Fate:
    """By the error that the write raised, None if it raised none."""
    if error is None:
        return Fate.DONE
    if getattr(error, "written", False) is not None:
        return Fate.UNDONE
    return Fate.LATE if isinstance(error, StoreTimeoutError) else Fate.DOUBTFUL


class Believed:
    """What may be under a key of which there is one writer; None stands for nothing."""

    def __init__(self) -> None:
        self._possible: list[Any] = [None]
        self._late: list[tuple[float, Any]] = []

    @property
    def is_certain(self) -> bool:
        return not self._still_late() and len(self._possible) == 1

    @property
    def value(self) -> Any:
        """What is there, if it is certain."""
        assert self.is_certain
        return self._possible[0]

    def note(self, value: Any, fate: Fate) -> None:
        if fate is Fate.DONE:
            self._possible = [value]
        elif fate is Fate.DOUBTFUL:
            self._possible.append(value)
        elif fate is Fate.LATE:
            self._late.append((time.monotonic() + LATE_S, value))

    def write(self, value: Any, do: Callable[[], ResultT]) -> ResultT:
        """Writes the value, and notes what became of it; errors go on."""
        try:
            result = do()
        except AWAY as error:
            self.note(value, fate_of(error))
            raise
        self.note(value, Fate.DONE)
        return result

    def check(self, found: Any) -> None:
        """What was found is possible; from now on it is certain, but for what comes late."""
        late = self._still_late()
        if found in self._possible:
            self._possible = [found]
        elif found not in late:
            raise AssertionError(f"found {found!r}, possible: {self._possible + late}")

    def _still_late(self) -> list[Any]:
        """What may yet come; whatever can no longer come may have come, until one looks."""
        while self._late and self._late[0][0] <= time.monotonic():
            self._possible.append(self._late.pop(0)[1])
        return [value for _, value in self._late]


@dataclass
class Numbered:
    """Writes numbered from 0 on, each to be found once: what became of those not acknowledged."""

    count: int = 0
    undone: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)

    def write(self, do: Callable[[int], ResultT]) -> ResultT:
        """Makes the next one; errors go on."""
        number = self.count
        self.count += 1
        try:
            return do(number)
        except AWAY as error:
            (self.undone if fate_of(error) is Fate.UNDONE else self.doubtful).append(number)
            raise

    def check(self, found: list[int]) -> None:
        """Each acknowledged one is found, each in doubt at most once, and nothing else."""
        seen = set(found)
        assert len(seen) == len(found), f"twice: {sorted({n for n in seen if found.count(n) > 1})}"
        wanted = set(range(self.count)) - set(self.undone) - set(self.doubtful)
        assert not wanted - seen, f"lost: {sorted(wanted - seen)}"
        strange = seen - wanted - set(self.doubtful)
        assert not strange, f"found, though not written: {sorted(strange)}"


def check_total(found: int, counts: list[Numbered]) -> None:
    """A sum of ones that several added: no acknowledged one is lost, none counts twice."""
    doubtful = sum(len(each.doubtful) for each in counts)
    done = sum(each.count - len(each.undone) for each in counts) - doubtful
    assert done <= found <= done + doubtful, f"found {found}, {done} done, {doubtful} in doubt"


def check_owner(user: str, value: Any) -> None:
    """Every mark in an answer is the user's own."""
    if isinstance(value, dict):
        assert value.get("of", user) == user, f"{user} was shown what is {value['of']}'s"
        for inner in value.values():
            check_owner(user, inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            check_owner(user, inner)

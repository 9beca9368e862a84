"""Workers: each drives one surface for users of its own, and checks every answer."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from langgraph_agentstore import AgentStore
from tests.soak.beliefs import AWAY, check_owner
from tests.soak.opening import Opening

PAUSE_S = 0.02
"""What a caller waits that met a server which is away."""

PACE_S = 0.002
"""Between two turns of a worker, so that none starves the others."""


@dataclass
class Place:
    """What the workers of one process share."""

    process: int
    processes: int
    seed: int
    opening: Opening
    folder: Path
    store: AgentStore
    indexed: AgentStore
    owner: AgentStore
    """A store of the tables' owner; the same as `store` where everybody is."""

    loops: list[asyncio.AbstractEventLoop]
    users: list[str] = field(default_factory=list)
    """Whom the process's workers work for, once all are there."""

    def caller(self, number: int) -> Caller:
        """One in three blocks; the others are awaited, each on one of the loops."""
        form = number % (len(self.loops) + 1)
        return Caller(None if form == 0 else self.loops[form - 1])

    def user_of(self, name: str) -> str:
        """Whom the worker of this name works for."""
        return f"{name}@{self.process}"


class Caller:
    """Calls a facade's methods as they are, or their awaitable forms on a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.loop = loop

    @property
    def is_awaited(self) -> bool:
        return self.loop is not None

    def __call__(self, facade: Any, method: str, *arguments: Any, **options: Any) -> Any:
        if self.loop is None:
            answer = getattr(facade, method)(*arguments, **options)
            return list(answer) if isinstance(answer, Iterator) else answer
        name = f"a{method}" if hasattr(facade, f"a{method}") else method
        return self.on_loop(getattr(facade, name), *arguments, **options)

    def on_loop(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """What the function's coroutine comes to, or all that its iterator gives."""
        assert self.loop is not None
        answering = answer_of(function, *arguments, **options)
        return asyncio.run_coroutine_threadsafe(answering, self.loop).result()


async def answer_of(function: Any, *arguments: Any, **options: Any) -> Any:
    answer = function(*arguments, **options)
    if inspect.isawaitable(answer):
        return await answer
    if isinstance(answer, AsyncIterator):
        return [each async for each in answer]
    return answer


@dataclass
class Tally:
    """How it went."""

    turns: int = 0
    refused: int = 0
    checked: int = 0
    faults: list[str] = field(default_factory=list)


class Worker(ABC):
    """One surface, one user; `run` is to have a thread of its own."""

    def __init__(self, place: Place, number: int) -> None:
        self.place = place
        self.name = f"{type(self).__name__.lower()}{number}"
        self.user = place.user_of(self.name)
        self.call = place.caller(number)
        self.chance = random.Random(f"{place.seed} {self.name}@{place.process}")
        self.tally = Tally()

    @abstractmethod
    def turn(self) -> None:
        """Some operations; raises what `AWAY` lists while the server is away."""

    @abstractmethod
    def check(self) -> None:
        """Everything once more, when the server is up and nobody writes any more."""

    def begin(self) -> None:  # noqa: B027 - most need nothing
        """Before anybody's first turn."""

    def claims(self) -> dict[str, Any]:
        """What is to be held against what workers of other processes say; JSON."""
        return {}

    def close(self) -> None:  # noqa: B027 - most open nothing
        """What it opened is closed."""

    def owned(self, answer: Any) -> Any:
        """The answer, which holds nothing of anybody else's."""
        check_owner(self.user, answer)
        self.tally.checked += 1
        return answer

    def run(self, over: Event) -> None:
        """Turns until it is over, or something is wrong."""
        while not over.is_set() and self.goes_well(self.take_turn):
            time.sleep(PACE_S)

    def run_check(self) -> None:
        self.goes_well(self.check)

    def goes_well(self, act: Callable[[], None]) -> bool:
        """Whether nothing is wrong; what is, is kept."""
        try:
            act()
        except BaseException:
            self.tally.faults.append(f"{self.user}: {traceback.format_exc()}")
            return False
        return True

    def take_turn(self) -> None:
        """A turn, also while the server is away."""
        try:
            self.turn()
        except AWAY:
            self.tally.refused += 1
            time.sleep(PAUSE_S)
        self.tally.turns += 1

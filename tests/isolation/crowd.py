"""Who is in the crowd: users whose ids read alike, and callers who give up."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from langgraph_agentstore.errors import StoreTimeoutError
from tests.soak.workers import Caller, Place, answer_of
from tests.support.crossing_users import user_ids

NOTABLE = (
    "a",
    "a:b",
    "ada@example.com",
    "ada@example.co",
    "%3A",
    "users",
    "a%3Ab",
    "ünï",
    "%",
    "_",
)
IMPATIENT_SHARE = 0.06
LONGEST_PATIENCE_S = 0.02


def people(count: int) -> list[str]:
    """So many different ids, those first that have been mistaken for each other before."""
    return [*NOTABLE, *user_ids(count)][:count]


@dataclass
class Crowd(Place):
    """A place whose workers all work for one user, some of them without patience."""

    user: str = ""
    patient: bool = False
    given_up: count[int] = field(default_factory=count)
    """How often a caller did not wait for the answer; all count together."""

    over: threading.Event = field(default_factory=threading.Event)
    """From then on everybody has patience."""

    def caller(self, number: int) -> Caller:
        caller = super().caller(number)
        if self.patient or caller.loop is None:
            return caller
        chance = random.Random(f"{self.seed} {self.user} {number} gives up")
        return ImpatientCaller(caller.loop, chance, self)

    def user_of(self, name: str) -> str:
        return self.user


class ImpatientCaller(Caller):
    """Cancels some of its calls, or lets their time run out; nobody knows then what they did."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chance: random.Random, crowd: Crowd
    ) -> None:
        super().__init__(loop)
        self._chance = chance
        self._crowd = crowd

    def on_loop(self, function: Any, *arguments: Any, **options: Any) -> Any:
        if self._crowd.over.is_set() or self._chance.random() >= IMPATIENT_SHARE:
            return super().on_loop(function, *arguments, **options)
        patience_s = self._chance.choice((0.0, self._chance.uniform(0, LONGEST_PATIENCE_S)))
        give_up = self._chance.choice((cancelled_after, timed_out_after))
        try:
            return super().on_loop(give_up, patience_s, function, *arguments, **options)
        except GaveUpError:
            next(self._crowd.given_up)
            raise


class GaveUpError(StoreTimeoutError):
    """A caller did not wait any longer."""


async def cancelled_after(patience_s: float, function: Any, *arguments: Any, **options: Any) -> Any:
    task = asyncio.ensure_future(answer_of(function, *arguments, **options))
    await asyncio.wait({task}, timeout=patience_s)
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        raise GaveUpError("cancelled", written=None) from None


async def timed_out_after(patience_s: float, function: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return await asyncio.wait_for(answer_of(function, *arguments, **options), patience_s)
    except StoreTimeoutError:
        raise
    except asyncio.TimeoutError:
        raise GaveUpError("timed out", written=None) from None

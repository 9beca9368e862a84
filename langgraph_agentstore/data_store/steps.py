"""Operations as steps, free of I/O: what to ask of the store, one after another.

An operation is a generator: it yields what is to be done, is sent the result, and returns its
own. `DataStore` runs the steps blocking, `AsyncDataStore` awaits them, and there is one text of
each operation.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ..errors import AgentStoreError
from ..plan.model import Planned
from ..runtime.engine import Engine
from ..runtime.session import Job

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Pause:
    """A step in which nothing is done for so long."""

    seconds: float


Step: TypeAlias = "Planned | Job | Pause"
Steps: TypeAlias = Generator[Step, Any, ResultT]


def run(engine: Engine, steps: Steps[ResultT]) -> ResultT:
    """Does all steps, blocking the calling thread; what they come to."""
    answer: Any = None
    failure: AgentStoreError | None = None
    try:
        while True:
            step = steps.send(answer) if failure is None else steps.throw(failure)
            answer = failure = None
            try:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                else:
                    [answer] = engine.run([step])
            except AgentStoreError as error:
                failure = error
    except StopIteration as end:
        result: ResultT = end.value
        return result


async def arun(engine: Engine, steps: Steps[ResultT]) -> ResultT:
    """As `run`, awaited on any event loop."""
    answer: Any = None
    failure: AgentStoreError | None = None
    try:
        while True:
            step = steps.send(answer) if failure is None else steps.throw(failure)
            answer = failure = None
            try:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                else:
                    [answer] = await engine.arun([step])
            except AgentStoreError as error:
                failure = error
    except StopIteration as end:
        result: ResultT = end.value
        return result

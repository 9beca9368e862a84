"""The steps of a data store's operations: what to ask of the store, one after another.

`DataStore` runs them blocking, `AsyncDataStore` awaits them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from .._support.sans_io import adrive, drive
from ..runtime.engine import Engine
from ..runtime.session import Job
from ..sql.statement import Planned

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Pause:
    """A step in which nothing is done for so long."""

    seconds: float


Step: TypeAlias = "Planned | Job | Pause"
Steps: TypeAlias = Generator[Step, Any, ResultT]


def run(engine: Engine, steps: Steps[ResultT]) -> ResultT:
    """Does all steps, blocking the calling thread; what they come to."""

    def do(step: Step) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        return engine.run([step])[0]

    return drive(steps, do)


async def arun(engine: Engine, steps: Steps[ResultT]) -> ResultT:
    """As `run`, awaited on any event loop."""

    async def do(step: Step) -> Any:
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        return (await engine.arun([step]))[0]

    return await adrive(steps, do)

"""Work as steps: what to ask of a store, one after another, blocking or awaited.

A piece of work is a generator: it reads and writes files itself, yields what is to be asked of a
store, is sent the answer, and returns its result. `run` does all of it in the calling thread;
`arun` awaits the stores on the caller's loop and does the rest in threads, so that no file holds
the loop up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from langgraph.store.base import BaseStore, Op

from .._support.sans_io import drive
from ..sql.statement import Planned
from .engine import Engine
from .session import Job

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a store, in both forms."""

    blocking: Callable[[], Any]
    awaited: Callable[[], Awaitable[Any]]


Steps: TypeAlias = Generator[Asked, Any, ResultT]


def ask_store(store: BaseStore, ops: Sequence[Op]) -> Asked:
    """LangGraph's operations, of any store."""
    return Asked(lambda: store.batch(ops), lambda: _batched(store, ops))


async def _batched(store: BaseStore, ops: Sequence[Op]) -> Any:
    try:
        return await store.abatch(ops)
    except NotImplementedError:  # as LangGraph's SqliteStore says
        return await asyncio.to_thread(store.batch, ops)


def ask_engine(engine: Engine, operations: Sequence[Planned | Job]) -> Asked:
    """What only this package's stores can do."""
    return Asked(lambda: engine.run(operations), lambda: engine.arun(operations))


def run(steps: Steps[ResultT]) -> ResultT:
    """Does all steps, blocking the calling thread; what they come to."""
    return drive(steps, lambda asked: asked.blocking())


async def arun(steps: Steps[ResultT]) -> ResultT:
    """As `run`, awaited; what is cancelled is undone as what fails."""
    answer: Any = None
    failure: BaseException | None = None
    while True:
        taken, cancelled = await _in_thread(partial(_take, steps, answer, failure))
        if isinstance(taken, _End):
            if cancelled is not None:
                raise cancelled
            return taken.result
        answer, failure = None, cancelled
        if failure is None:
            try:
                answer = await taken.awaited()
            except BaseException as error:
                failure = error


@dataclass(frozen=True, slots=True)
class _End(Generic[ResultT]):
    """A StopIteration that can pass through a future, which its like cannot."""

    result: ResultT


def _take(
    steps: Steps[ResultT], answer: Any, failure: BaseException | None
) -> Asked | _End[ResultT]:
    try:
        return steps.send(answer) if failure is None else steps.throw(failure)
    except StopIteration as end:
        return _End(end.value)


async def _in_thread(take: Callable[[], ResultT]) -> tuple[ResultT, asyncio.CancelledError | None]:
    """Its result, and whether the caller was cancelled meanwhile: a thread cannot be."""
    work = asyncio.ensure_future(asyncio.to_thread(take))
    cancelled = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    return work.result(), cancelled

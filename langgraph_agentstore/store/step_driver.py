"""Operations in several steps, written once and run blocking or awaited.

Such an operation is a generator. It yields steps, is sent the result of each, and returns its own
result. A step that fails, or is interrupted or cancelled, raises where it was yielded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias

from langgraph.store.base import BaseStore, Op

from .._support.cross_loop_lock import CrossLoopLock
from ..sql.statement import ResultT
from .executor import Executor, Operation


@dataclass(frozen=True, slots=True)
class On:
    """Several operations of one store; the result is a list."""

    executor: Executor
    operations: Sequence[Operation[Any]]


@dataclass(frozen=True, slots=True)
class StoreOps:
    """LangGraph operations of any store; the result is a list."""

    store: BaseStore
    ops: Sequence[Op]


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class InThread:
    """A function that may block; async callers run it in a thread."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A function in both of its forms, of which the caller's is called."""

    blocking: Callable[[], Any]
    awaited: Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Locked:
    """Steps that run while a lock is held; the result is the result of the steps."""

    lock: CrossLoopLock
    steps: Steps[Any]


Step: TypeAlias = "Operation[Any] | On | StoreOps | Pause | InThread | Call | Locked"
Steps: TypeAlias = Generator[Step, Any, ResultT]


def run(steps: Steps[ResultT], executor: Executor | None = None) -> ResultT:
    """Run the generator, blocking the calling thread, and return its result.

    Args:
        steps: the operation.
        executor: runs each step that is an `Operation`.
    """
    try:
        step = next(steps)
        while True:
            try:
                answer = _do(executor, step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: ResultT = end.value
        return result


async def arun(steps: Steps[ResultT], executor: Executor | None = None) -> ResultT:
    """Async form of `run`; the generator itself runs on the caller's loop."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await _ado(executor, step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: ResultT = end.value
        return result


async def arun_in_threads(steps: Steps[ResultT], executor: Executor | None = None) -> ResultT:
    """Async form of `run` for a generator that reads and writes files between its steps.

    The steps are awaited on the caller's loop; the generator runs in threads, so that no file
    blocks the loop. Cancelling raises within the generator.
    """
    answer: Any = None
    failure: BaseException | None = None
    while True:
        taken, cancelled = await _in_thread(partial(_next, steps, answer, failure))
        if isinstance(taken, _End):
            if cancelled is not None:
                raise cancelled
            return taken.result
        answer, failure = None, cancelled
        if failure is None:
            try:
                answer = await _ado(executor, taken)
            except BaseException as error:
                failure = error


def _do(executor: Executor | None, step: Step) -> Any:
    if isinstance(step, Operation):
        assert executor is not None
        return executor.run(step)
    if isinstance(step, On):
        return step.executor.run_all(step.operations)
    if isinstance(step, StoreOps):
        return step.store.batch(step.ops)
    if isinstance(step, Pause):
        return time.sleep(step.seconds)
    if isinstance(step, Call):
        return step.blocking()
    if isinstance(step, Locked):
        with step.lock:
            return run(step.steps, executor)
    return step.function()


async def _ado(executor: Executor | None, step: Step) -> Any:
    if isinstance(step, Operation):
        assert executor is not None
        return await executor.arun(step)
    if isinstance(step, On):
        return await step.executor.arun_all(step.operations)
    if isinstance(step, StoreOps):
        return await _abatch(step)
    if isinstance(step, Pause):
        return await asyncio.sleep(step.seconds)
    if isinstance(step, Call):
        return await step.awaited()
    if isinstance(step, Locked):
        async with step.lock:
            return await arun(step.steps, executor)
    return await asyncio.to_thread(step.function)


async def _abatch(step: StoreOps) -> Any:
    loop = getattr(step.store, "_loop", None)
    if isinstance(loop, asyncio.AbstractEventLoop) and loop is not asyncio.get_running_loop():
        # LangGraph's async stores belong to the loop they were made on; `batch` goes there.
        return await asyncio.to_thread(step.store.batch, step.ops)
    try:
        return await step.store.abatch(step.ops)
    except NotImplementedError:  # LangGraph's SqliteStore has no async form
        return await asyncio.to_thread(step.store.batch, step.ops)


@dataclass(frozen=True, slots=True)
class _End(Generic[ResultT]):
    """The generator's result: a future cannot hold its StopIteration."""

    result: ResultT


def _next(
    steps: Steps[ResultT], answer: Any, failure: BaseException | None
) -> Step | _End[ResultT]:
    try:
        return steps.send(answer) if failure is None else steps.throw(failure)
    except StopIteration as end:
        return _End(end.value)


async def _in_thread(take: Callable[[], ResultT]) -> tuple[ResultT, asyncio.CancelledError | None]:
    """Return its result, and the caller's cancellation meanwhile: a thread cannot be cancelled."""
    work = asyncio.ensure_future(asyncio.to_thread(take))
    cancelled = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    return work.result(), cancelled

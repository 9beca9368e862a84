"""Running operations that are written as steps, free of I/O.

Such an operation is a generator: it yields what is to be done, is sent the result, and returns
its own. What fails, or is interrupted or cancelled, raises where it was yielded. There is one
text of each operation, whether it is run blocking or awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

StepT = TypeVar("StepT")
ResultT = TypeVar("ResultT")


def drive(steps: Generator[StepT, Any, ResultT], do: Callable[[StepT], Any]) -> ResultT:
    """Does all steps; what they come to."""
    try:
        step = next(steps)
        while True:
            try:
                answer = do(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: ResultT = end.value
        return result


async def adrive(
    steps: Generator[StepT, Any, ResultT], do: Callable[[StepT], Awaitable[Any]]
) -> ResultT:
    """As `drive`, awaiting each step."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await do(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: ResultT = end.value
        return result

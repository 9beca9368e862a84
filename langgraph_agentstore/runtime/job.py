"""Jobs: operations that are more than one statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sql.statement import Operation, ResultT

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True, slots=True)
class Job(Operation[ResultT]):
    """Work that is more than one statement, such as a COPY or a sweep.

    `writes_items`: whether it writes what searches find, so that reindexing waits for it.
    `reads_only`: whether it certainly changes nothing.
    """

    run: Callable[[Session], Awaitable[ResultT]]
    writes_items: bool = False
    kind: str = "other"  # type: ignore[misc]  # of each job, not of the class
    reads_only: bool = False

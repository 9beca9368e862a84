"""Requests: the operations of one call, and the delivery of their results to the caller.

A caller is a thread that waits (`BlockingRequest`) or a coroutine on any event loop
(`AwaitedRequest`). The I/O thread settles the operations of a request one by one. When the last
one is settled, the request is announced. Requests of one loop that finish together are announced
by one wake-up.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

from ..errors import BatchError
from ..sql.statement import Users
from .driver_errors import is_read_only

WAITS = ("lock", "server", "model")
"""What a request waits for, besides its turn in a queue and a connection."""

logger = logging.getLogger("langgraph_agentstore")


class Request:
    """The operations of one request, with their results and errors by position.

    `users`: those of the view that the caller has; None where each operation names its own.
    """

    __slots__ = (
        "began_s",
        "cancelled",
        "context",
        "errors",
        "later",
        "operations",
        "reads_replica",
        "remaining",
        "results",
        "said",
        "tasks",
        "users",
        "waits",
    )
    counts_failures = True
    is_observed = True

    def __init__(self, operations: Sequence[Any], users: Users | None = None) -> None:
        self.operations = operations
        self.users = users
        self.results: list[Any] = [None] * len(operations)
        self.errors: dict[int, Exception] | None = None
        self.remaining = 0
        self.later: list[PendingOperation] | None = None
        self.tasks: list[asyncio.Task[None]] | None = None
        self.cancelled = False
        self.began_s = perf_counter()
        self.waits: dict[str, float] = {}
        """How long it waited, by `WAITS`, in seconds; the rest of its time it was in a queue."""
        self.reads_replica = False
        """Whether replicas may answer its reads."""
        self.context: Any = None
        """The caller's context of OpenTelemetry, if spans are made."""
        self.said: str | None = None
        """Who makes it, as JSON text; only a store with history asks."""

    def fail(self, position: int, error: Exception) -> None:
        if self.errors is None:
            self.errors = {}
        self.errors[position] = error

    def fail_all(self, error: Exception) -> None:
        self.errors = dict.fromkeys(range(len(self.operations)), error)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Remember a task that runs for this request alone; see `cancel_tasks`."""
        if self.tasks is None:
            self.tasks = []
        self.tasks.append(task)

    def cancel_tasks(self) -> None:
        """Stop the statements that run for this request alone; call it on the I/O thread."""
        for task in self.tasks or ():
            task.cancel()

    @property
    def failed_operations(self) -> int:
        """How many operations failed whose caller waits for them."""
        if self.errors is None or self.cancelled or not self.counts_failures:
            return 0
        return len(self.errors)

    def outcome(self) -> list[Any]:
        """Return the results, or raise the error.

        It is the operation's own if one failed, or if all failed for the same reason; otherwise a
        `BatchError`.
        """
        if self.errors is None:
            return self.results
        errors = list(self.errors.values())
        if len(errors) == 1 or (len(errors) == len(self.operations) and _are_alike(errors)):
            # Several callers may get one error: each raises a copy with its own traceback.
            error = next((e for e in errors if getattr(e, "written", False) is None), errors[0])
            raise copy.copy(error) from error.__cause__
        first = min(self.errors)
        raise BatchError(
            f"{len(self.errors)} of {len(self.operations)} operations failed, the others were "
            f"done; operation {first}: {self.errors[first]}",
            errors=self.errors,
        )

    def announce(self) -> None:
        """Tell the caller that the outcome is there."""
        raise NotImplementedError


def _are_alike(errors: Sequence[Exception]) -> bool:
    return len({type(error) for error in errors}) == 1


class BlockingRequest(Request):
    """A request whose thread waits, on a bare lock, the cheapest thing to wait on."""

    __slots__ = ("_finished",)

    def __init__(self, operations: Sequence[Any], users: Users | None = None) -> None:
        super().__init__(operations, users)
        self._finished = threading.Lock()
        self._finished.acquire()

    def announce(self) -> None:
        self._finished.release()

    def wait(self) -> None:
        self._finished.acquire()


class AwaitedRequest(Request):
    """A request awaited on some event loop."""

    __slots__ = ("future", "loop")

    def __init__(self, operations: Sequence[Any], users: Users | None = None) -> None:
        super().__init__(operations, users)
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()

    def announce(self) -> None:
        announce_all([self])


class PartOfRequest(AwaitedRequest):
    """A request that is part of another one, which counts its failure."""

    __slots__ = ()
    counts_failures = False
    is_observed = False


class BackgroundRequest(Request):
    """A request that nobody waits for; a failure is logged."""

    __slots__ = ("_purpose",)
    counts_failures = False

    def __init__(self, operations: Sequence[Any], purpose: str, users: Users | None = None) -> None:
        super().__init__(operations, users)
        self._purpose = purpose

    def announce(self) -> None:
        for error in {id(error): error for error in (self.errors or {}).values()}.values():
            level = logging.DEBUG if is_read_only(error) else logging.WARNING
            logger.log(level, "%s failed: %s", self._purpose, error)


class PendingOperation:
    """An operation that waits or is in flight, with its request and its position there."""

    __slots__ = ("operation", "position", "request")

    def __init__(self, request: Request, position: int, operation: Any) -> None:
        self.request = request
        self.position = position
        self.operation = operation

    @property
    def users(self) -> Users | None:
        """The users of the caller's view, else of the operation; None for all users."""
        if self.request.users is not None:
            return self.request.users
        users: Users | None = self.operation.users
        return users


def announce_all(requests: Iterable[Request]) -> None:
    """Announce finished requests, with one wake-up for all that wait on the same loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[AwaitedRequest]] = defaultdict(list)
    for request in requests:
        if isinstance(request, AwaitedRequest):
            by_loop[request.loop].append(request)
        else:
            request.announce()
    for loop, finished in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, finished)
        except RuntimeError:  # the caller's loop was closed meanwhile
            continue


def _resolve(requests: Sequence[AwaitedRequest]) -> None:
    for request in requests:
        if not request.future.done():
            request.future.set_result(None)

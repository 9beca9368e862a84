"""A private thread with an event loop of its own, and what goes with threads: forks, green threads.

The store's loop is not the host's. So a store works on any loop, on several at once, from threads
without one, and from blocking code on a running loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import sys
import threading
import weakref
from collections.abc import Callable
from time import perf_counter
from typing import Any, ClassVar

if sys.platform != "win32":
    import uvloop

from ..errors import ConfigurationError
from ..sql.statement import ResultT

GEVENT = "gevent.monkey"
EVENTLET = "eventlet.patcher"
"""The modules that replace threads by green ones; each may do so at any time."""

_inherited: list[object] = []
"""The parent's loops, kept in the forked child: finalizing them would touch its connections."""


class IoThread:
    """A thread and its loop; both run from construction until `stop`."""

    def __init__(self, name: str = "agentstore-io") -> None:
        self.loop = asyncio.new_event_loop() if sys.platform == "win32" else uvloop.new_event_loop()
        self.context = contextvars.Context()
        self.ident: int | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Schedule the function on the loop.

        It runs in the thread's own context: a timer set there must not keep a caller's graph alive.
        """
        self.loop.call_soon_threadsafe(function, *arguments, context=self.context)

    def answer_ms(self, within_s: float) -> float | None:
        """Return how long the loop takes to answer; None: longer than that, or it ended."""
        answered, started = threading.Event(), perf_counter()
        with contextlib.suppress(RuntimeError):  # it ended
            self.call(answered.set)
            if answered.wait(within_s):
                return (perf_counter() - started) * 1000
        return None

    def stop(self) -> None:
        """End the loop after what is due now; call it on the thread itself."""
        self.loop.stop()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        self.ident = threading.get_ident()
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            with contextlib.suppress(Exception):
                self.loop.run_until_complete(self._wind_up())
            self.loop.close()
            self.ident = None  # A thread that starts later may be given the same number.

    async def _wind_up(self) -> None:
        this = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not this]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()


async def in_thread(function: Callable[[], ResultT]) -> ResultT:
    """Run a blocking function in a thread, or here if no thread can be started any more."""
    try:
        running = asyncio.get_running_loop().run_in_executor(None, function)
    except RuntimeError:  # a process that is ending starts no threads
        return function()
    return await running


def check_threads() -> None:
    """Raise a ConfigurationError if gevent or eventlet replaced the threads.

    The I/O thread would run within the thread that waits for it, and neither would ever continue.
    """
    if GEVENT in sys.modules and _gevent_replaced_threads():
        raise ConfigurationError(
            "gevent has replaced this process's threads, and the store needs one of its own: say "
            "monkey.patch_all(thread=False, queue=False). gunicorn's gevent workers replace all; "
            "its gthread workers do not"
        )
    if EVENTLET in sys.modules and sys.modules[EVENTLET].is_monkey_patched("thread"):
        raise ConfigurationError(
            "eventlet has replaced this process's threads, and the store needs one of its own: "
            "say eventlet.monkey_patch(thread=False). gunicorn's eventlet workers replace all; "
            "its gthread workers do not"
        )


def _gevent_replaced_threads() -> bool:
    is_patched = sys.modules[GEVENT].is_module_patched
    # gevent's queues do not wake real threads.
    return bool(is_patched("threading") or is_patched("queue"))


class ForkAware:
    """An object that is told in a forked child that its thread exists only in the parent."""

    _all: ClassVar[weakref.WeakSet[ForkAware]] = weakref.WeakSet()

    def __init__(self) -> None:
        self._all.add(self)

    def after_fork(self, keep: Callable[[object], None]) -> None:
        """Drop what belongs to the parent; `keep` saves an object from being finalized."""
        raise NotImplementedError

    @classmethod
    def _in_child(cls) -> None:
        for instance in list(cls._all):
            instance.after_fork(_inherited.append)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ForkAware._in_child)

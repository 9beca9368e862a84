"""A cross-loop lock admits one at a time, in order, thread or task; nobody waits for a ghost."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from langgraph_agentstore._support.cross_loop_lock import CrossLoopLock
from langgraph_agentstore.errors import BlockingCallError


def test_threads_and_tasks_take_turns() -> None:
    lock, inside, most = CrossLoopLock(), 0, 0

    def enter() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)

    def leave() -> None:
        nonlocal inside
        inside -= 1

    def thread() -> None:
        for _ in range(50):
            with lock:
                enter()
                leave()

    async def task() -> None:
        for _ in range(50):
            async with lock:
                enter()
                await asyncio.sleep(0)
                leave()

    async def tasks() -> None:
        await asyncio.gather(*[task() for _ in range(4)])

    with ThreadPoolExecutor(6) as threads:
        done = [threads.submit(thread) for _ in range(4)]
        done += [threads.submit(asyncio.run, tasks()) for _ in range(2)]
        for one in done:
            one.result(timeout=30)
    assert most == 1


def test_a_task_that_gives_up_is_left_out() -> None:
    lock = CrossLoopLock()

    async def take() -> str:
        async with lock:
            return "done"

    async def main() -> str:
        async with lock:
            waiting = [asyncio.ensure_future(take()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            waiting[1].cancel()
            await asyncio.sleep(0)
        return await asyncio.wait_for(waiting[2], 5)

    assert asyncio.run(main()) == "done"
    with lock:
        pass


def test_a_turn_that_comes_as_its_task_gives_up_is_passed_on() -> None:
    lock = CrossLoopLock()

    async def take() -> str:
        async with lock:
            return "done"

    async def main() -> str:
        async with lock:
            first, second = (asyncio.ensure_future(take()) for _ in range(2))
            await asyncio.sleep(0)
        # The turn is the first's now, but it has not heard of it.
        first.cancel()
        return await asyncio.wait_for(second, 5)

    assert asyncio.run(main()) == "done"


def test_a_blocking_call_that_would_wait_for_its_own_loop_is_refused() -> None:
    lock = CrossLoopLock()

    async def main() -> None:
        async with lock:
            with pytest.raises(BlockingCallError, match="async form"), lock:
                pass

    asyncio.run(main())
    with lock:
        pass


def test_a_blocking_call_on_a_loops_thread_waits_for_another_thread() -> None:
    lock, held, over = CrossLoopLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            over.wait(10)

    async def main() -> None:
        held.wait(10)
        threading.Timer(0.01, over.set).start()
        with lock:
            pass

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        asyncio.run(main())
        holding.result(timeout=10)

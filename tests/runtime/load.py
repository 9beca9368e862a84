"""Writers and readers that keep at it while something breaks, and the account they give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import AgentStoreError, StoreTimeoutError, StoreUnavailableError
from tests.support.faults import until

NAMESPACE = ("users", "ann", "load")
WRITERS = 20


@dataclass
class Account:
    """What became of every put, each of a key of its own."""

    acknowledged: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    errors: list[AgentStoreError] = field(default_factory=list)
    strangers: list[BaseException] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        return self.unwritten + self.unknown

    async def grows(self, by: int = 100) -> None:
        """Waits for so many further puts to be acknowledged."""
        goal = len(self.acknowledged) + by
        await until(lambda: len(self.acknowledged) >= goal)

    async def fails(self) -> None:
        """Waits for a put to fail from now on."""
        seen = len(self.errors)
        await until(lambda: len(self.errors) > seen)


@asynccontextmanager
async def writing(store: AgentStore) -> AsyncIterator[Account]:
    """Writers put new keys until the block ends; none of them gives up."""
    account = Account()
    over = asyncio.Event()
    tasks = [asyncio.create_task(_write(store, n, account, over)) for n in range(WRITERS)]
    try:
        await account.grows()
        yield account
    finally:
        over.set()
        await asyncio.gather(*tasks)


async def _write(store: AgentStore, writer: int, account: Account, over: asyncio.Event) -> None:
    number = 0
    while not over.is_set():
        key = f"{writer}-{number}"
        number += 1
        try:
            await store.aput(NAMESPACE, key, {"writer": writer})
        except (StoreUnavailableError, StoreTimeoutError) as error:
            known = error.written is False
            (account.unwritten if known else account.unknown).append(key)
            account.errors.append(error)
            await asyncio.sleep(0.01)  # a caller that lets the server come up again
        except BaseException as error:
            account.strangers.append(error)
            raise
        else:
            account.acknowledged.append(key)

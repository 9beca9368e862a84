"""Locks on records: leases that end by themselves if their holder dies."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from uuid import UUID, uuid4

from typing_extensions import Self

from ..errors import AgentStoreError, InvalidOperationError, LockHeldError, LockLostError
from ..model.addresses import checked_key
from ..model.checks import is_number
from ..sql.statement import ItemId, Operation, ResultT, Statement
from ..store.step_driver import Pause, Steps, arun, run
from .base import Operations
from .sql.locks import Lease, plan_acquire, plan_release, plan_renew

logger = logging.getLogger("langgraph_agentstore")

DEFAULT_LEASE_S = 300.0
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25


class Leasing:
    """A lock's state and steps, shared by both its forms."""

    def __init__(self, proxy: Operations, key: str, lease_s: float, wait_s: float | None) -> None:
        proxy.may_write("lock")
        self.key = checked_key(key, proxy.at)
        _check_seconds("timeout_s", lease_s, above=0)
        if wait_s is not None:
            _check_seconds("wait_s", wait_s)
        self.owner = proxy.settings.agent_name or "unknown"
        self.lease_s = lease_s
        self.expires_at: datetime | None = None
        self._proxy = proxy
        self._wait_s = wait_s
        self._token: UUID | None = None

    @property
    def held(self) -> bool:
        """Tell whether the lock was taken and not released. Its lease may have ended."""
        return self._token is not None

    def _planned(self, plan: Callable[[ItemId], Operation[ResultT]]) -> Operation[ResultT]:
        return self._proxy.planned(lambda at: plan((at.user_id, at.stored, self.key)), writes=True)

    def _acquiring(self) -> Steps[None]:
        if self._token is not None:
            raise InvalidOperationError(
                f"the lock {self.key!r} is held by this object already; make another with lock()"
            )
        token, owner, context = uuid4(), self.owner, self._proxy.context
        length = timedelta(seconds=self.lease_s)

        def acquire(item_id: ItemId) -> Statement[Lease]:
            return plan_acquire(item_id, owner, token, length, context)

        deadline_s: float | None = None
        pause_s = _FIRST_PAUSE_S
        while True:
            lease: Lease = yield self._planned(acquire)
            if lease.token is not None:
                self._token, self.expires_at = lease.token, lease.expires_at
                return
            if deadline_s is None and self._wait_s is not None:
                # From the first answer on: opening the store is no waiting for the lock.
                deadline_s = time.monotonic() + self._wait_s
            if deadline_s is not None and time.monotonic() + pause_s > deadline_s:
                raise LockHeldError(
                    f"the lock {self.key!r} is held by {lease.owner!r} until "
                    f"{lease.expires_at.isoformat()} at the latest; wait longer (wait_s)"
                )
            # Not all who wait at the same moments.
            yield Pause(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)

    def _renewing(self, lease_s: float | None) -> Steps[None]:
        lease_s = self.lease_s if lease_s is None else lease_s
        _check_seconds("timeout_s", lease_s, above=0)
        if self._token is None:
            raise InvalidOperationError(f"the lock {self.key!r} is not held")
        lease, token, context = timedelta(seconds=lease_s), self._token, self._proxy.context
        self.expires_at = yield self._planned(
            lambda item_id: plan_renew(item_id, token, lease, context)
        )
        if self.expires_at is None:
            self._token = None
            raise self._lost()

    def _releasing(self) -> Steps[None]:
        token, self._token = self._token, None
        if token is None:
            return
        context = self._proxy.context
        if not (yield self._planned(lambda item_id: plan_release(item_id, token, context))):
            raise self._lost()

    def _lost(self) -> LockLostError:
        return LockLostError(
            f"the lease of the lock {self.key!r} ended after {self.lease_s:g} s, and another may "
            "have held it since: check what was done, and ask for a longer one or renew() it"
        )


class RecordLock(Leasing):
    """A lock for `with`, with `acquire`, `renew` and `release`."""

    def acquire(self) -> Self:
        """Wait until the lock is free, and take it.

        Raises:
            LockHeldError: another kept it for `wait_s`.
        """
        run(self._acquiring(), self._proxy.executor)
        return self

    def renew(self, timeout_s: float | None = None) -> None:
        """Start the lease anew, with the same or another length.

        Raises:
            LockLostError: the lease had ended.
        """
        run(self._renewing(timeout_s), self._proxy.executor)

    def release(self) -> None:
        """Release the lock; do nothing if it is not held.

        Raises:
            LockLostError: the lease had ended.
        """
        run(self._releasing(), self._proxy.executor)

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.release()
        except AgentStoreError:
            if error is None:
                raise
            logger.exception("releasing the lock %r failed", self.key)


class AsyncRecordLock(Leasing):
    """`RecordLock` for `async with`."""

    async def acquire(self) -> Self:
        """Async form of `RecordLock.acquire`."""
        await arun(self._acquiring(), self._proxy.executor)
        return self

    async def renew(self, timeout_s: float | None = None) -> None:
        """Async form of `RecordLock.renew`."""
        await arun(self._renewing(timeout_s), self._proxy.executor)

    async def release(self) -> None:
        """Async form of `RecordLock.release`."""
        await arun(self._releasing(), self._proxy.executor)

    async def __aenter__(self) -> Self:
        return await self.acquire()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.release()
        except AgentStoreError:
            if error is None:
                raise
            logger.exception("releasing the lock %r failed", self.key)


def _check_seconds(name: str, seconds: object, *, above: float | None = None) -> None:
    if not is_number(seconds) or not 0 <= seconds < 10**9 or seconds == above:
        raise InvalidOperationError(
            f"{name} is a number of seconds {'above' if above == 0 else 'from'} 0"
            f"{' on' if above is None else ''}, got {seconds!r}"
        )

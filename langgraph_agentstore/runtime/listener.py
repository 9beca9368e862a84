"""Notifications of changes: one listening connection per store, and the watches that it wakes.

A notification only saves waiting. The changes themselves are read from a table, so a notification
that is lost while the server restarts costs a watch at most `POLL_S`. Behind a pooler, nobody
listens.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg

from ..sql.change_notify import CHANNEL, digest_of
from .driver_errors import UNREACHABLE
from .statements import Database

logger = logging.getLogger("langgraph_agentstore")


class Subscription:
    """An event that is set when a user's items change."""

    def __init__(self, user_id: str) -> None:
        self.digest = digest_of(user_id)
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        """Clear the event, so that the next wait blocks until a new notification."""
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Return when the event is set, or after that time."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except asyncio.TimeoutError:
            return


class Listener:
    """The connection that listens, opened when it is first needed; on the running loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscriptions: set[Subscription] = set()
        self._connection: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        database.connections.on_none_left.append(self._give_way)

    async def add(self, subscription: Subscription) -> None:
        """Set the subscription's event on every notification, as far as the server allows it."""
        self._subscriptions.add(subscription)
        async with self._connecting:
            lost = self._connection is None or self._connection.is_closed()
            if lost and self._database.connections.attempts.may_spare_one:
                await self._connect()

    def remove(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _give_way(self) -> None:
        """Give up the connection because statements have none."""
        if self._connection is not None:
            self._connection.terminate()

    async def _connect(self) -> None:
        if self._database.pooler.is_there:
            # The session would go on listening for its next user instead of for this one.
            return
        connection: asyncpg.Connection | None = None
        try:
            connection = await self._database.connections.connector.connect_apart()
            connection.add_termination_listener(self._on_loss)
            await connection.add_listener(CHANNEL, self._on_change)
        except BaseException as error:
            if connection is not None:
                connection.terminate()
            if not isinstance(error, UNREACHABLE):
                raise
            logger.info("watches look once in a while, since listening failed: %s", error)
            return
        self._connection = connection

    def _on_change(self, _connection: Any, _pid: int, _channel: str, digest: object) -> None:
        for subscription in self._subscriptions:
            if subscription.digest == digest:
                subscription.set()

    def _on_loss(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
        for subscription in self._subscriptions:
            subscription.set()

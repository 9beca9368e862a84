"""Data keys of a store that encrypts: read, made, wrapped and unwrapped before they are needed."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from ..errors import AgentStoreError, KeyProviderError
from ..security.encryption.aes_gcm import KEY_BYTES
from ..security.encryption.data_keys import new_data_key
from ..security.encryption.local_keys import LocalKeys
from ..security.encryption.options import KeyProvider
from ..security.encryption.sealed_values import Sealer, holds_large, named_keys, users_of
from ..security.encryption.sql import (
    add_keys,
    all_keys,
    current_keys,
    keys_by_id,
    older_keys,
    replace_keys,
    rewrap,
)
from ..sql.statement import Put, ResultT, Row, SqlContext, Users
from ..sql.tables import Tables

MOST_AT_ONCE = 8
"""How many data keys a key service is asked for at once."""

LONGEST_ANSWER_S = 30.0
"""How long a key service may take for one data key, waiting for its turn included."""


class FetchRows(Protocol):
    """The method `Database.fetch`."""

    async def __call__(
        self, sql: str, arguments: Sequence[Any], *, users: Users | None
    ) -> Sequence[Row]:
        """Run a statement for these users, None for all, and return its rows."""


class DataKeys:
    """The data keys of an open store."""

    def __init__(self, sealer: Sealer, tables: Tables, fetch: FetchRows) -> None:
        self.sealer = sealer
        self._tables = tables
        self._fetch = fetch
        # Those who need the same keys at the same time do not all ask for them.
        self._turn = asyncio.Lock()
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def load(self, rows: Sequence[Row], users: Users | None) -> None:
        """Load the keys by which the sealed values of rows are opened, which these users read."""
        named = named_keys(rows)
        if not named or not self.sealer.cache.missing(named):
            return
        async with self._turn:
            missing = self.sealer.cache.missing(named)
            if missing:
                found = await self._fetch(*keys_by_id(missing, self._tables), users=users)
                self.sealer.cache.forget({*missing} - {row[0] for row in found})
                await self._learn(found)

    async def sealed(self, puts: Sequence[Put]) -> list[Put]:
        """Return puts with sealed values; make data keys for users who have none yet."""
        users = users_of(put.item_id for put in puts)
        if self.sealer.cache.users_without(users):
            async with self._turn:
                await self._have_current(self.sealer.cache.users_without(users))
        return [self._sealed_put(put) for put in puts]

    async def renew(self, user_ids: Sequence[str], than: datetime) -> None:
        """Give users new data keys in place of those that were made before a moment."""
        async with self._turn:
            rows = await self._fetch(*older_keys(user_ids, than, self._tables), users=None)
            if rows:
                made = await asyncio.gather(*[self._made(row[0]) for row in rows])
                await self._fetch(*replace_keys(made, than, self._tables), users=None)
                self.sealer.cache.forget_current(row[0] for row in rows)
            await self._have_current(self.sealer.cache.users_without(user_ids))

    async def rewrap(self) -> int:
        """Wrap all data keys anew, in one statement; return their number."""
        rows = await self._fetch(*all_keys(self._tables), users=None)
        provider = self.sealer.encryption.provider
        keys = await asyncio.gather(*[self._rewrapped(provider, *row[:3]) for row in rows])
        return len(await self._fetch(*rewrap(keys, self._tables), users=None)) if keys else 0

    async def _rewrapped(
        self, provider: KeyProvider, key_id: str, user_id: str, wrapped: bytes
    ) -> tuple[str, bytes, bytes]:
        secret = await self._asked(provider.unwrap, wrapped, user_id, key_id)
        return key_id, wrapped, await self._asked(provider.wrap, secret, user_id, key_id)

    def _sealed_put(self, put: Put) -> Put:
        key = self.sealer.cache.current(put.item_id[0])
        assert key is not None
        return replace(put, value=self.sealer.sealed(put.item_id, put.value, key))

    async def _have_current(self, users: Sequence[str]) -> None:
        """Load the current keys of users; make those that are missing."""
        missing = list(users)
        while missing:
            users = tuple(missing)
            found = await self._fetch(*current_keys(missing, self._tables), users=users)
            await self._learn(found)
            missing = sorted({*missing} - {row[1] for row in found})
            if missing:
                made = await asyncio.gather(*map(self._made, missing))
                await self._fetch(*add_keys(made, self._tables), users=users)

    async def _made(self, user_id: str) -> tuple[str, str, bytes]:
        key_id, secret = new_data_key()
        wrap = self.sealer.encryption.provider.wrap
        return key_id, user_id, await self._asked(wrap, secret, user_id, key_id)

    async def _learn(self, rows: Sequence[Row]) -> None:
        """Unwrap keys and keep them."""
        unwrap = self.sealer.encryption.provider.unwrap
        secrets = await asyncio.gather(
            *[self._asked(unwrap, bytes(row[2]), row[1], row[0]) for row in rows]
        )
        for (key_id, user_id, _, is_current), secret in zip(rows, secrets, strict=True):
            if len(secret) != KEY_BYTES:
                raise KeyProviderError(
                    f"the key provider unwrapped the data key {key_id} to {len(secret)} bytes; a "
                    f"data key has {KEY_BYTES} bytes"
                )
            self.sealer.cache.add(key_id, user_id, secret, is_current=is_current)

    async def _asked(self, ask: Callable[..., Any], key: bytes, user_id: str, key_id: str) -> bytes:
        """Ask the key provider; a plain function may block, so it gets a thread.

        Raises:
            KeyProviderError: it failed, or took too long.
        """
        context = {"schema": self.sealer.schema, "user_id": user_id, "key_id": key_id}
        try:
            return await asyncio.wait_for(self._answer(ask, key, context), LONGEST_ANSWER_S)
        except AgentStoreError:
            raise
        except Exception as error:
            raise KeyProviderError(
                f"the key provider failed to {getattr(ask, '__name__', 'serve')} the data key "
                f"{key_id} ({type(error).__name__}); is its service reachable, and may this "
                "process use its key for this user?"
            ) from error

    async def _answer(
        self, ask: Callable[..., Any], key: bytes, context: Mapping[str, str]
    ) -> bytes:
        if isinstance(self.sealer.encryption.provider, LocalKeys):
            return bytes(ask(key, context))
        async with self._at_once:
            if inspect.iscoroutinefunction(ask):
                return bytes(await ask(key, context))
            answer = await asyncio.to_thread(ask, key, context)
            return bytes(await answer if inspect.isawaitable(answer) else answer)


async def decoded_by(
    decode: Callable[[], ResultT], rows: Sequence[Row], context: SqlContext
) -> ResultT:
    """Decode rows; on another thread if large values are to be opened: others wait for this one."""
    if context.sealing is not None and holds_large(rows):
        return await asyncio.to_thread(decode)
    return decode()

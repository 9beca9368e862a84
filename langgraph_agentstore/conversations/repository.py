"""Repositories: values by namespace and key, over the store that graphs use.

Application code depends on `BaseStoreRepository`; a graph is compiled with its `store`. Labels may
contain periods, as e-mail addresses do. The repository encodes them; see `store/user_scope.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from langgraph.store.base import BaseStore, SearchItem
from typing_extensions import override

from .._support.lifecycle import AwaitedClosing, Handle
from ..config.dsn import is_dsn
from ..errors import ConfigurationError
from ..model.checks import check_whole
from ..model.namespaces import Labels
from ..store.agent_store import AgentStore
from ..store.base import StoreBase
from ..store.step_driver import Steps, StoreOps, arun, run
from ..store.user_scope import USERS, UserPart, encode_label, part_of

_PAGE_SIZE = 1_000


class BaseStoreRepository(Handle, ABC):
    """Values by namespace and key. Implement `store`; all other methods follow from it.

    `ax` is the async form of `x`.
    """

    @property
    @abstractmethod
    def store(self) -> BaseStore:
        """The LangGraph store: `builder.compile(store=repository.store)`."""

    def put(self, namespace: Labels, key: str, value: Mapping[str, Any]) -> None:
        """Write the value; replace an existing one."""
        part = self._part_at(namespace)
        part.store.put(part.labels, key, dict(value))

    async def aput(self, namespace: Labels, key: str, value: Mapping[str, Any]) -> None:
        """Async form of `put`."""
        part = self._part_at(namespace)
        await part.store.aput(part.labels, key, dict(value))

    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """Return the value, or None."""
        part = self._part_at(namespace)
        item = part.store.get(part.labels, key)
        return None if item is None else item.value

    async def aget(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """Async form of `get`."""
        part = self._part_at(namespace)
        item = await part.store.aget(part.labels, key)
        return None if item is None else item.value

    def search(
        self, namespace: Labels, query: str | None = None, limit: int = 10
    ) -> list[dict[str, Any]]:
        """Return values at or below a namespace, best match first; newest first without a query.

        A query has an effect only if the store has an index. If a store does not order its items,
        all of them are read to find the newest.
        """
        return run(self._searching(namespace, query, limit))

    async def asearch(
        self, namespace: Labels, query: str | None = None, limit: int = 10
    ) -> list[dict[str, Any]]:
        """Async form of `search`."""
        return await arun(self._searching(namespace, query, limit))

    def delete(self, namespace: Labels, key: str) -> None:
        """Delete the value; do nothing if it does not exist."""
        part = self._part_at(namespace)
        part.store.delete(part.labels, key)

    async def adelete(self, namespace: Labels, key: str) -> None:
        """Async form of `delete`."""
        part = self._part_at(namespace)
        await part.store.adelete(part.labels, key)

    def _searching(
        self, namespace: Labels, query: str | None, limit: int
    ) -> Steps[list[dict[str, Any]]]:
        part = self._part_at(namespace)
        if query is not None or isinstance(part.store, StoreBase):
            [found] = yield StoreOps(part.store, [part.search_op(limit, query=query)])
        else:
            found = yield from self._newest(part, limit)
        return [item.value for item in found]

    def _newest(self, part: UserPart, limit: int) -> Steps[list[SearchItem]]:
        found: list[SearchItem] = []
        page: list[SearchItem] | None = None
        while page is None or page:  # a store may return fewer items than asked for
            [page] = yield StoreOps(part.store, [part.search_op(_PAGE_SIZE, len(found))])
            found += page or ()
        return sorted(found, key=lambda item: item.updated_at, reverse=True)[:limit]

    def _part_at(self, namespace: Labels) -> UserPart:
        """Find where the store has a namespace: in a user's part, or in what nobody owns."""
        depth = len(USERS)
        if len(namespace) <= depth or tuple(namespace[:depth]) != USERS:
            return UserPart(self.store, tuple(map(encode_label, namespace)))
        below = tuple(map(encode_label, namespace[depth + 1 :]))
        return part_of(self.store, namespace[depth], below)


class PostgresStoreRepository(AwaitedClosing, BaseStoreRepository):
    """A repository on Postgres, which sets up its store when it is created.

    Give a host, a DSN or a store. `close()` closes a store that was created here.

    Args:
        host: a host name, an address, or the folder of a Unix socket; or, alone, a whole DSN.
        port: the TCP port, or the number in the name of the socket.
        database: the name of the database, unquoted.
        user: the database user, unquoted.
        password: the password of that user, unquoted.
        dsn: a connection string, instead of the arguments above; see `AgentStore`.
        store: a store, instead of all other arguments; it stays open.
        options: options of `AgentStore`: `schema`, `index`, `pool`, `ttl`.

    Raises:
        ConfigurationError: not exactly one of host, dsn and store is given.
        StoreUnavailableError, StoreTimeoutError, AccessDeniedError: no connection.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 5432,
        database: str | None = None,
        user: str | None = None,
        password: str | None = None,
        *,
        dsn: str | None = None,
        store: AgentStore | None = None,
        **options: Any,
    ) -> None:
        if [host is not None, dsn is not None, store is not None].count(True) != 1:
            raise ConfigurationError(
                "give the repository one of host (with port, database, user and password), dsn= "
                "or store="
            )
        self._owned = store is None
        if store is not None and options:
            raise ConfigurationError(f"{sorted(options)} are options of the store; give it them")
        if host is not None:
            dsn = _dsn_given_as_host(host, (database, user, password)) or dsn_of(
                host, port, database, user, password
            )
        self._store = AgentStore(dsn, **options) if store is None else store
        try:
            self._store.setup()
        except BaseException:
            self.close()
            raise

    @property
    @override
    def store(self) -> AgentStore:
        return self._store

    def close(self) -> None:
        """Close the store if it was created here. Idempotent."""
        if self._owned:
            self._store.close()

    async def aclose(self) -> None:
        """Async form of `close`."""
        await asyncio.to_thread(self.close)


def _dsn_given_as_host(host: str, others: tuple[str | None, ...]) -> str | None:
    """Return the host if it is a DSN, as a first positional argument often is."""
    if not is_dsn(host):
        return None
    if any(other is not None for other in others):
        raise ConfigurationError(
            "host is a whole DSN here; leave database, user and password out, or give host alone "
            "as a name"
        )
    return host


def dsn_of(
    host: str,
    port: int = 5432,
    database: str | None = None,
    user: str | None = None,
    password: str | None = None,
) -> str:
    """Return a DSN with every part quoted.

    Raises:
        ConfigurationError: the port is not valid.
    """
    check_whole("port", port, 1, 65535, error=ConfigurationError)
    login = "" if user is None else quote(user, safe="")
    if password is not None:
        login += f":{quote(password, safe='')}"
    path = "" if database is None else f"/{quote(database, safe='')}"
    if host.startswith(("/", "@")):  # the folder of a socket, or an abstract one
        server, query = "", f"?host={quote(host)}&port={port}"
    else:
        server, query = f"[{host}]:{port}" if ":" in host else f"{host}:{port}", ""
    return f"postgresql://{login}{'@' if login else ''}{server}{path or '/'}{query}"

"""Repositories: values by namespace and key, over a store that graphs are given.

`BaseStoreRepository` is what application code depends on; its `store` is what a workflow is
compiled with. Namespaces may have labels with periods, such as e-mail addresses: the repository
writes them as the store can take them, see `store/user_scope.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from langgraph.store.base import BaseStore, Item, SearchItem
from typing_extensions import override

from .._support.lifecycle import AwaitedClosing, Handle
from ..config.dsn import is_dsn
from ..errors import ConfigurationError
from ..model.checks import check_whole
from ..model.namespaces import Labels
from ..store.agent_store import AgentStore
from ..store.base import StoreBase
from ..store.user_scope import USERS, Part, encode_label, part_of

PAGE = 1_000


class BaseStoreRepository(Handle, ABC):
    """Values by namespace and key; implement `store`, all else follows from it.

    `ax` is the awaitable form of `x`.
    """

    @property
    @abstractmethod
    def store(self) -> BaseStore:
        """The LangGraph store: `builder.compile(store=repository.store)`."""

    def put(self, namespace: Labels, key: str, value: Mapping[str, Any]) -> None:
        """Writes the value, whether or not there is one."""
        part = _part_at(self.store, namespace)
        part.store.put(part.labels, key, dict(value))

    async def aput(self, namespace: Labels, key: str, value: Mapping[str, Any]) -> None:
        """As `put`."""
        part = _part_at(self.store, namespace)
        await part.store.aput(part.labels, key, dict(value))

    def get(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """The value, or None."""
        part = _part_at(self.store, namespace)
        return _value(part.store.get(part.labels, key))

    async def aget(self, namespace: Labels, key: str) -> dict[str, Any] | None:
        """As `get`."""
        part = _part_at(self.store, namespace)
        return _value(await part.store.aget(part.labels, key))

    def search(
        self, namespace: Labels, query: str | None = None, limit: int = 10
    ) -> list[dict[str, Any]]:
        """Values at or below a namespace: best match first, without a query newest first.

        A query has an effect on a store that was given an index. A store that leaves the order
        open is read whole to find the newest.
        """
        part = _part_at(self.store, namespace)
        if query is None and not isinstance(part.store, StoreBase):
            found: list[SearchItem] = []
            while page := part.store.search(part.labels, limit=PAGE, offset=len(found)):
                found += page
            return _newest(found, limit)
        return _values(part.store.search(part.labels, query=query, limit=limit))

    async def asearch(
        self, namespace: Labels, query: str | None = None, limit: int = 10
    ) -> list[dict[str, Any]]:
        """As `search`."""
        part = _part_at(self.store, namespace)
        if query is None and not isinstance(part.store, StoreBase):
            found: list[SearchItem] = []
            while page := await part.store.asearch(part.labels, limit=PAGE, offset=len(found)):
                found += page
            return _newest(found, limit)
        return _values(await part.store.asearch(part.labels, query=query, limit=limit))

    def delete(self, namespace: Labels, key: str) -> None:
        """Removes the value; no error if there is none."""
        part = _part_at(self.store, namespace)
        part.store.delete(part.labels, key)

    async def adelete(self, namespace: Labels, key: str) -> None:
        """As `delete`."""
        part = _part_at(self.store, namespace)
        await part.store.adelete(part.labels, key)


class PostgresStoreRepository(AwaitedClosing, BaseStoreRepository):
    """A repository on Postgres, set up when it is made.

    Give the server's parts, or a DSN, or a store. A store made here is closed by `close()`.

    Args:
        host: a name, an address, or the folder of a Unix socket; or a whole DSN, alone.
        port: of TCP, or in the name of the socket.
        database: any characters, as in the next two; they need no quoting.
        user: who connects.
        password: the user's.
        dsn: in place of these; see `AgentStore`.
        store: in place of all; it stays open.
        options: of `AgentStore`: `schema`, `index`, `pool`, `ttl`.

    Raises:
        ConfigurationError: more than one way is given, or none.
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
        """Closes the store, if the repository made it. Idempotent."""
        if self._owned:
            self._store.close()

    async def aclose(self) -> None:
        """As `close`."""
        await asyncio.to_thread(self.close)


def _dsn_given_as_host(host: str, others: tuple[str | None, ...]) -> str | None:
    """What was given first, if it is a DSN; as positional arguments go, it often is."""
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
    """A DSN with every part quoted.

    Raises:
        ConfigurationError: the port is none.
    """
    check_whole("port", port, 1, 65535, error=ConfigurationError)
    login = "" if user is None else quote(user, safe="")
    if password is not None:
        login += f":{quote(password, safe='')}"
    path = "" if database is None else f"/{quote(database, safe='')}"
    if host.startswith(("/", "@")):  # the folder of a socket, or an abstract one
        place, query = "", f"?host={quote(host)}&port={port}"
    else:
        place, query = f"[{host}]:{port}" if ":" in host else f"{host}:{port}", ""
    return f"postgresql://{login}{'@' if login else ''}{place}{path or '/'}{query}"


def _part_at(store: BaseStore, namespace: Labels) -> Part:
    """Find where a store has a namespace: in a user's part, or in what nobody owns.

    Raises:
        ConfigurationError: the store is a view of another user.
    """
    depth = len(USERS)
    if len(namespace) <= depth or tuple(namespace[:depth]) != USERS:
        return Part(store, tuple(map(encode_label, namespace)))
    return part_of(store, namespace[depth], tuple(map(encode_label, namespace[depth + 1 :])))


def _newest(items: list[SearchItem], limit: int) -> list[dict[str, Any]]:
    return _values(sorted(items, key=lambda item: item.updated_at, reverse=True)[:limit])


def _value(item: Item | None) -> dict[str, Any] | None:
    return None if item is None else item.value


def _values(items: list[SearchItem]) -> list[dict[str, Any]]:
    return [item.value for item in items]

"""The memories of an agent: store, read, search, update and link them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from langgraph.store.base import PutOp

from .._support.lifecycle import Handle
from .._support.one_time_warnings import Hints
from .._support.progress import Progress, telling_progress
from ..errors import ConfigurationError, DecryptionError, InvalidOperationError, MissingMemoryError
from ..model.json_values import encode_value, shown
from ..model.namespaces import Labels
from ..model.users import SHARED, Address
from ..sql.filters import Filter
from ..store.user_views import ItemStore
from .audit_log import Auditor
from .encryption import Cipher, is_encrypted
from .schemas import Validation
from .storage import Storage, Value
from .stored_values import (
    checked_filter,
    checked_pairs,
    data_of,
    filter_for_items,
    found_in,
    is_collection,
    memory_key,
    plain_data,
    reduced,
    stored_value,
)

logger = logging.getLogger("langgraph_agentstore.memory_agent")

RELATIONS: Final = "$relations"
"""The label below the memories' namespace that holds their links."""


class Relation(NamedTuple):
    """A link from one memory to another."""

    relation: str
    key: str


class Memories(Handle):
    """Memories by key in one namespace of one storage. Data may be any JSON value.

    A key is a non-empty string. A *collection* is all keys that begin with a prefix ending in `/`
    or `:`, such as `users/`.
    """

    def __init__(
        self,
        storage: Storage,
        namespace: Labels,
        validation: Validation,
        auditor: Auditor,
        cipher: Cipher | None,
        user_id: str | None,
    ) -> None:
        self._storage = storage
        self._hints = _hints_of(storage.store)
        self._labels = namespace
        self._relations = (*namespace, RELATIONS)
        self._validation = validation
        self._auditor = auditor
        self._cipher = cipher
        self._user_id = user_id

    def store_memory(self, key: str, data: Any) -> None:
        """Store data under a key; replace existing data.

        Raises:
            ValidationError: pydantic's error; the data do not fit the `validator`.
            ValueTypeError, InvalidValueError: the data are not JSON.
        """
        self.batch_store([(key, data)])

    async def astore_memory(self, key: str, data: Any) -> None:
        """Async form of `store_memory`."""
        await asyncio.to_thread(self.store_memory, key, data)

    def batch_store(self, memories: Iterable[tuple[str, Any]]) -> int:
        """Store (key, data) pairs; return their number. Of pairs with one key, the last wins.

        All pairs are checked before the first write. Postgres, SQLite, files and memory then write
        all or none in one transaction; other stores write as their `batch` does.
        """
        pairs = checked_pairs(memories)
        for key, data in pairs:
            self._validation.check(key, data)
        if pairs:
            self._auditor.tell("store", *(key for key, _ in pairs))
            self._storage.write([self._put(key, data) for key, data in pairs])
        return len(pairs)

    async def abatch_store(self, memories: Iterable[tuple[str, Any]]) -> int:
        """Async form of `batch_store`."""
        return await asyncio.to_thread(self.batch_store, memories)

    def retrieve_memory(self, key: str, filter: Mapping[str, Any] | None = None) -> Any:
        """Return the data under a key, or None. Changing the returned data changes no memory.

        With a filter, return the matching elements of a list, and any other data only if it
        matches.
        """
        name, passes = memory_key(key), self._passes(filter)
        self._auditor.tell("retrieve", name)
        data = self._data_at(name)
        return reduced(data, passes) if filter else data

    async def aretrieve_memory(self, key: str, filter: Mapping[str, Any] | None = None) -> Any:
        """Async form of `retrieve_memory`."""
        return await asyncio.to_thread(self.retrieve_memory, key, filter)

    def update_memory(self, key: str, data: Any) -> Any:
        """Merge the fields of an object into the stored one; replace any other data.

        The merge is shallow: a field's whole value is replaced. Concurrent updates are not lost in
        Postgres, SQLite, files and memory; in other stores they may be.

        Returns:
            The updated data.

        Raises:
            MissingMemoryError: a KeyError; there is no such memory.
            ValidationError: the updated data do not fit the `validator`.
        """
        name, new = memory_key(key), plain_data(data)
        self._auditor.tell("update", name)

        def changed(value: Value | None) -> Value:
            if value is None:
                raise _missing(name)
            old = self._opened(name, value)
            merged = {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
            self._validation.check(name, merged)
            return self._sealed(name, merged)

        return self._opened(name, self._storage.update(self._labels, name, changed))

    async def aupdate_memory(self, key: str, data: Any) -> Any:
        """Async form of `update_memory`."""
        return await asyncio.to_thread(self.update_memory, key, data)

    def delete_memory(self, key: str) -> bool:
        """Delete a memory and all links from it and to it; return whether the memory existed."""
        name = memory_key(key)
        self._auditor.tell("delete", name)
        if self._storage.get(self._labels, name) is None:
            return False
        either = {"$or": [{"from": name}, {"to": name}]}
        links = [place for place, link in self._links(either) if name in (link["from"], link["to"])]
        self._storage.write(
            [
                PutOp(self._labels, name, None),
                *(PutOp(self._relations, link, None) for link in links),
            ]
        )
        return True

    async def adelete_memory(self, key: str) -> bool:
        """Async form of `delete_memory`."""
        return await asyncio.to_thread(self.delete_memory, key)

    def search_memory(self, collection: str, filter: Mapping[str, Any] | None = None) -> list[Any]:
        """Return the data that match a filter, in the order of their keys.

        Memories of a collection that cannot be decrypted are left out, with one warning in the
        log. `unreadable_memories` lists them.

        Args:
            collection: a key, or a prefix of keys that ends in `/` or `:`. The elements of a list
                are matched and returned one by one; any other data as a whole.
            filter: a filter as in every store of this package; None for everything.
        """
        name, passes = memory_key(collection), self._passes(filter)
        self._auditor.tell("search", name)
        if is_collection(name):
            memories = sorted(self._memories(name, filter), key=lambda memory: memory[0])
            each = (found_in(data, passes) for _, data in self._readable(memories))
            return list(chain.from_iterable(each))
        value = self._storage.get(self._labels, name)
        return [] if value is None else found_in(self._opened(name, value), passes)

    async def asearch_memory(
        self, collection: str, filter: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """Async form of `search_memory`."""
        return await asyncio.to_thread(self.search_memory, collection, filter)

    def list_memories(self, prefix: str | None = None) -> list[str]:
        """Return all keys that begin with the prefix, sorted."""
        start = "" if prefix is None else memory_key(prefix)
        self._auditor.tell("list", start)
        return sorted(self._storage.keys(self._labels, start))

    async def alist_memories(self, prefix: str | None = None) -> list[str]:
        """Async form of `list_memories`."""
        return await asyncio.to_thread(self.list_memories, prefix)

    def unreadable_memories(self, prefix: str | None = None) -> list[str]:
        """Return the keys of memories that this agent cannot decrypt, or that are not encrypted."""
        start = "" if prefix is None else memory_key(prefix)
        self._auditor.tell("search", start)
        memories = self._storage.scan(self._labels, None, start)
        return sorted(key for key, value in memories if not self._opens(key, value))

    async def aunreadable_memories(self, prefix: str | None = None) -> list[str]:
        """Async form of `unreadable_memories`."""
        return await asyncio.to_thread(self.unreadable_memories, prefix)

    def rotate(self, *, progress: Progress | bool | None = None) -> int:
        """Encrypt all memories of older keys and releases again, with the newest key.

        Before the run, give every process both keys, the newest first; afterwards remove the old
        one. Each memory is changed on its own and can be read at any moment, so run it again if it
        was killed. A file is replaced once.

        Args:
            progress: True for a bar, or a callable; see `AgentStore.load`.

        Returns:
            The number of memories that were encrypted again.

        Raises:
            ConfigurationError: the agent has no `encryption_key`.
            DecryptionError: some memories cannot be read with these keys; the others are done.
        """
        if self._cipher is None:
            raise ConfigurationError("this agent encrypts nothing: make it with encryption_key=")
        self._auditor.tell("rotate", "")
        failed: list[str] = []
        done = 0
        with self._storage.together(), telling_progress(progress, "encrypting again") as tell:
            for key in self._outdated(self._cipher):
                try:
                    done += self._reencrypt(key)
                except DecryptionError:
                    failed.append(key)
                tell(done)
        self._storage.rewrite()
        if failed:
            raise DecryptionError(
                f"{len(failed)} memories were not encrypted with any of these keys, such as "
                f"{', '.join(map(shown, failed[:5]))}; {done} others were encrypted again"
            )
        return done

    async def arotate(self, *, progress: Progress | bool | None = None) -> int:
        """Async form of `rotate`."""
        return await asyncio.to_thread(self.rotate, progress=progress)

    def _outdated(self, cipher: Cipher) -> list[str]:
        memories = self._storage.scan(self._labels, None)
        return [key for key, value in memories if not cipher.is_newest(value)]

    def _reencrypt(self, key: str) -> bool:
        def changed(value: Value | None) -> Value:
            if value is None:
                raise _missing(key)
            return self._sealed(key, self._opened(key, value))

        try:
            self._storage.update(self._labels, key, changed)
        except MissingMemoryError:  # deleted meanwhile
            return False
        return True

    def link(self, key: str, other_key: str, relation: str) -> None:
        """Link one memory to another by a relation. Repeating a link changes nothing.

        Raises:
            MissingMemoryError: a KeyError; one of the two does not exist.
        """
        start, end, kind = memory_key(key), memory_key(other_key), _checked_relation(relation)
        self._auditor.tell("link", start, end)
        found = self._storage.get_many(self._labels, (start, end))
        for name, value in zip((start, end), found, strict=True):
            if value is None:
                raise _missing(name)
        link = {"from": start, "relation": kind, "to": end}
        place = hashlib.sha256(encode_value([start, kind, end])).hexdigest()
        self._storage.write([PutOp(self._relations, place, link)])

    async def alink(self, key: str, other_key: str, relation: str) -> None:
        """Async form of `link`."""
        await asyncio.to_thread(self.link, key, other_key, relation)

    def related(self, key: str, relation: str | None = None) -> list[Relation]:
        """Return the links from a memory to others, sorted; only those of `relation`, if given."""
        name = memory_key(key)
        self._auditor.tell("related", name)
        links = [link for _, link in self._links({"from": name}) if link["from"] == name]
        found = (Relation(link["relation"], link["to"]) for link in links)
        return sorted(link for link in found if relation in (None, link.relation))

    async def arelated(self, key: str, relation: str | None = None) -> list[Relation]:
        """Async form of `related`."""
        return await asyncio.to_thread(self.related, key, relation)

    def _put(self, key: str, data: Any) -> PutOp:
        return PutOp(self._labels, key, self._sealed(key, data))

    def _sealed(self, key: str, data: Any) -> Value:
        if self._cipher is None:
            return stored_value(data)
        return self._cipher.encrypted(self._address_of_all(), key, data)

    def _opened(self, key: str, value: Value) -> Any:
        if self._cipher is not None:
            return self._cipher.decrypted(self._address_of_all(), key, value)
        if is_encrypted(value):
            raise DecryptionError(
                f"the memory {shown(key)} is encrypted; make the agent with the encryption_key "
                "that it was stored with"
            )
        return data_of(value)

    def _address_of_all(self) -> Address:
        """Return the user and labels of these memories, the same in every store of them."""
        store = self._storage.store
        if isinstance(store, ItemStore):
            return store.planner.scope.address(self._labels)
        return Address(self._user_id or SHARED, self._labels)

    def _opens(self, key: str, value: Value) -> bool:
        try:
            self._opened(key, value)
        except DecryptionError:
            return False
        return True

    def _readable(self, memories: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, Any]]:
        """Yield the data of memories; count those that cannot be decrypted in one warning."""
        unreadable = 0
        for key, value in memories:
            try:
                data = self._opened(key, value)
            except DecryptionError:
                unreadable += 1
            else:
                yield key, data
        if unreadable:
            logger.warning(
                "%d memories were left out of a search: they cannot be decrypted with this "
                "agent's keys; unreadable_memories() names them",
                unreadable,
            )

    def _data_at(self, key: str) -> Any:
        value = self._storage.get(self._labels, key)
        return None if value is None else self._opened(key, value)

    def _memories(
        self, prefix: str, filter: Mapping[str, Any] | None
    ) -> Iterator[tuple[str, Value]]:
        """Yield the memories of a collection; the storage may leave out those that do not match."""
        # The storage cannot filter encrypted values.
        wanted = None if self._cipher is not None else filter_for_items(filter)
        return self._storage.scan(self._labels, wanted, prefix)

    def _passes(self, filter: Mapping[str, Any] | None) -> Filter:
        passes = checked_filter(filter)
        for hint in passes.hints:
            self._hints.give(hint)
        return passes

    def _links(self, filter: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
        return self._storage.scan(self._relations, filter)


def _missing(key: str) -> MissingMemoryError:
    return MissingMemoryError(f"there is no memory {shown(key)}; store_memory makes one")


def _checked_relation(relation: object) -> str:
    if not isinstance(relation, str) or not relation:
        raise InvalidOperationError(
            f"a relation is a non-empty string such as 'about', got {shown(relation)}"
        )
    return relation


def _hints_of(store: object) -> Hints:
    """Return the hints of the store, if it has any, so that no hint is given twice."""
    return store.executor.current_rules.hints if isinstance(store, ItemStore) else Hints()

"""The memories of an agent: stored, read, found, changed, linked."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from langgraph.store.base import PutOp

from .._support.hints import Hints
from .._support.lifecycle import Handle
from .._support.progress import Progress, telling_progress
from ..errors import (
    ConfigurationError,
    DecryptionError,
    InvalidOperationError,
    MissingMemoryError,
)
from ..model.json_values import encode_value
from ..model.namespaces import Labels
from ..model.users import SHARED, Address
from ..sql.filters import Filter
from ..store.views import ItemStore
from .audit_log import Auditor
from .encryption import Cipher, is_encrypted
from .schemas import Validation
from .storage import Storage, Value
from .stored_values import (
    checked_filter,
    checked_key,
    checked_pairs,
    data_of,
    filter_for_items,
    found_in,
    is_collection,
    plain_data,
    reduced,
    stored_value,
)

logger = logging.getLogger("langgraph_agentstore.memory_agent")

RELATIONS: Final = "$relations"
"""The label below the memories' namespace where their relations are."""


class Relation(NamedTuple):
    """A link from one memory to another."""

    relation: str
    key: str


class Memories(Handle):
    """What is remembered, by key, in one namespace of one storage; any JSON is data.

    A key is a non-empty string. A *collection* is all keys that begin with a text ending in `/`
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
        """Stores data under a key, in place of what is there.

        Raises:
            ValidationError: pydantic's, if the data do not fit the `validator`.
            ValueTypeError, InvalidValueError: they are not JSON.
        """
        self.batch_store([(key, data)])

    async def astore_memory(self, key: str, data: Any) -> None:
        """Async form of `store_memory`."""
        await asyncio.to_thread(self.store_memory, key, data)

    def batch_store(self, memories: Iterable[tuple[str, Any]]) -> int:
        """Stores (key, data) pairs, all or none; how many. Of equal keys the last stays.

        Everything is checked before anything is written. Postgres, SQLite, files and memory then
        write in one transaction; the stores of others as their `batch` does.
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
        """The data under a key, or None. Any change of it is the caller's own.

        With a filter: of a list the elements that match, of anything else itself if it does.
        """
        name, passes = checked_key(key), self._passes(filter)
        self._auditor.tell("retrieve", name)
        data = self._data_at(name)
        return reduced(data, passes) if filter else data

    async def aretrieve_memory(self, key: str, filter: Mapping[str, Any] | None = None) -> Any:
        """Async form of `retrieve_memory`."""
        return await asyncio.to_thread(self.retrieve_memory, key, filter)

    def update_memory(self, key: str, data: Any) -> Any:
        """Merges the fields of an object into the one that is there; replaces anything else.

        Nobody else's update is lost, but in the stores of others. The merge is shallow: a field's
        value is replaced whole.

        Returns:
            The data that are there now.

        Raises:
            MissingMemoryError: a KeyError; there is no such memory.
            ValidationError: what would come of it does not fit the `validator`.
        """
        name, new = checked_key(key), plain_data(data)
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
        """Removes a memory and its links, from it and to it; whether it was there."""
        name = checked_key(key)
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
        """What matches a filter, by key.

        In a collection, memories that cannot be decrypted are left out, with one warning in the
        log; `unreadable_memories` names them.

        Args:
            collection: a key, or what all keys begin with, ending in `/` or `:`. A list under a
                key is as many things to find as it has elements; anything else is one.
            filter: as of every store of this package; None for everything.
        """
        name, passes = checked_key(collection), self._passes(filter)
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
        """All keys that begin with the prefix, sorted."""
        start = "" if prefix is None else checked_key(prefix)
        self._auditor.tell("list", start)
        return sorted(self._storage.keys(self._labels, start))

    async def alist_memories(self, prefix: str | None = None) -> list[str]:
        """Async form of `list_memories`."""
        return await asyncio.to_thread(self.list_memories, prefix)

    def unreadable_memories(self, prefix: str | None = None) -> list[str]:
        """List the memories that this agent's keys cannot decrypt, or that are not encrypted."""
        start = "" if prefix is None else checked_key(prefix)
        self._auditor.tell("search", start)
        memories = self._storage.scan(self._labels, None, start)
        return sorted(key for key, value in memories if not self._opens(key, value))

    async def aunreadable_memories(self, prefix: str | None = None) -> list[str]:
        """Async form of `unreadable_memories`."""
        return await asyncio.to_thread(self.unreadable_memories, prefix)

    def rotate(self, *, progress: Progress | bool | None = None) -> int:
        """Encrypt anew, with the newest key, whatever an older key or release encrypted.

        Each memory is changed on its own and read by the whole ring at any moment, so a run that
        was killed is simply run again; a file is replaced once. Give every process both keys,
        the newest first, before; take the old one away after.

        Args:
            progress: True for a bar, or a callable; see `AgentStore.load`.

        Returns:
            How many memories were encrypted anew.

        Raises:
            ConfigurationError: the agent has no `encryption_key`.
            DecryptionError: some memories cannot be read with these keys; the others are done.
        """
        if self._cipher is None:
            raise ConfigurationError("this agent encrypts nothing: make it with encryption_key=")
        self._auditor.tell("rotate", "")
        failed: list[str] = []
        done = 0
        with self._storage.together(), telling_progress(progress, "encrypting anew") as tell:
            for key in self._outdated(self._cipher):
                try:
                    done += self._encrypt_anew(key)
                except DecryptionError:
                    failed.append(key)
                tell(done)
        self._storage.rewrite()
        if failed:
            raise DecryptionError(
                f"{len(failed)} memories were not encrypted with any of these keys, such as "
                f"{', '.join(map(repr, failed[:5]))}; {done} others were encrypted anew"
            )
        return done

    async def arotate(self, *, progress: Progress | bool | None = None) -> int:
        """Async form of `rotate`."""
        return await asyncio.to_thread(self.rotate, progress=progress)

    def _outdated(self, cipher: Cipher) -> list[str]:
        memories = self._storage.scan(self._labels, None)
        return [key for key, value in memories if not cipher.is_newest(value)]

    def _encrypt_anew(self, key: str) -> bool:
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
        """Says that one memory has a relation to another; once more changes nothing.

        Raises:
            MissingMemoryError: a KeyError; one of the two is not there.
        """
        start, end, kind = checked_key(key), checked_key(other_key), _checked_relation(relation)
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
        """The links that a memory has to others, sorted; of one relation, if it is named."""
        name = checked_key(key)
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
                f"the memory {key!r} is encrypted; make the agent with the encryption_key that it "
                "was stored with"
            )
        return data_of(value)

    def _address_of_all(self) -> Address:
        """Whose memories these are, and where: the same from every store that holds them."""
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
        """The data of memories; those that cannot be decrypted are counted in one warning."""
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
        """Those of a collection; a filter leaves out at most what it does not match."""
        # What is encrypted is nothing to the storage's filter.
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
    return MissingMemoryError(f"there is no memory {key!r}; store_memory makes one")


def _checked_relation(relation: object) -> str:
    if not isinstance(relation, str) or not relation:
        raise InvalidOperationError(
            f"a relation is a non-empty string such as 'about', got {relation!r}"
        )
    return relation


def _hints_of(store: object) -> Hints:
    """Those of the store, if it gives any: what the store says need not be said again."""
    return store.executor.current_rules.hints if isinstance(store, ItemStore) else Hints()

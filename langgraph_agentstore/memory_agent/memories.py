"""The memories of an agent: stored, read, found, changed, linked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from langgraph.store.base import PutOp

from ..errors import DecryptionError, InvalidOperationError, MissingMemoryError
from ..namespaces import Labels
from ..values import encode_value
from .audit import Auditor
from .encryption import Cipher, is_encrypted
from .shapes import (
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
from .storage import Storage, Value
from .validation import Validation

RELATIONS: Final = "$relations"
"""The label below the memories' namespace where their relations are."""


class Relation(NamedTuple):
    """A link from one memory to another."""

    relation: str
    key: str


class Memories:
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
    ) -> None:
        self._storage = storage
        self._labels = namespace
        self._relations = (*namespace, RELATIONS)
        self._validation = validation
        self._auditor = auditor
        self._cipher = cipher

    def store_memory(self, key: str, data: Any) -> None:
        """Stores data under a key, in place of what is there.

        Raises:
            ValidationError: pydantic's, if the data do not fit the `validator`.
            ValueTypeError, InvalidValueError: they are not JSON.
        """
        self.batch_store([(key, data)])

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

    def retrieve_memory(self, key: str, filter: Mapping[str, Any] | None = None) -> Any:
        """The data under a key, or None. Any change of it is the caller's own.

        With a filter: of a list the elements that match, of anything else itself if it does.
        """
        name, passes = checked_key(key), checked_filter(filter)
        self._auditor.tell("retrieve", name)
        data = self._data_at(name)
        return reduced(data, passes) if filter else data

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

    def search_memory(self, collection: str, filter: Mapping[str, Any] | None = None) -> list[Any]:
        """What matches a filter, by key.

        Args:
            collection: a key, or what all keys begin with, ending in `/` or `:`. A list under a
                key is as many things to find as it has elements; anything else is one.
            filter: as of every store of this package; None for everything.
        """
        name, passes = checked_key(collection), checked_filter(filter)
        self._auditor.tell("search", name)
        if is_collection(name):
            memories = sorted(self._memories(name, filter), key=lambda memory: memory[0])
            each = (found_in(self._opened(key, value), passes) for key, value in memories)
            return list(chain.from_iterable(each))
        value = self._storage.get(self._labels, name)
        return [] if value is None else found_in(self._opened(name, value), passes)

    def list_memories(self, prefix: str | None = None) -> list[str]:
        """All keys that begin with the prefix, sorted."""
        start = "" if prefix is None else checked_key(prefix)
        self._auditor.tell("list", start)
        keys = (key for key, _ in self._storage.scan(self._labels, None))
        return sorted(key for key in keys if key.startswith(start))

    def link(self, key: str, other_key: str, relation: str) -> None:
        """Says that one memory has a relation to another; once more changes nothing.

        Raises:
            MissingMemoryError: a KeyError; one of the two is not there.
        """
        start, end, kind = checked_key(key), checked_key(other_key), _checked_relation(relation)
        self._auditor.tell("link", start, end)
        for name in (start, end):
            if self._storage.get(self._labels, name) is None:
                raise _missing(name)
        value = {"from": start, "relation": kind, "to": end}
        place = hashlib.sha256(encode_value([start, kind, end])).hexdigest()
        self._storage.write([PutOp(self._relations, place, value)])

    def related(self, key: str, relation: str | None = None) -> list[Relation]:
        """The links that a memory has to others, sorted; of one relation, if it is named."""
        name = checked_key(key)
        self._auditor.tell("related", name)
        links = [link for _, link in self._links({"from": name}) if link["from"] == name]
        found = (Relation(link["relation"], link["to"]) for link in links)
        return sorted(link for link in found if relation in (None, link.relation))

    def _put(self, key: str, data: Any) -> PutOp:
        return PutOp(self._labels, key, self._sealed(key, data))

    def _sealed(self, key: str, data: Any) -> Value:
        return stored_value(data) if self._cipher is None else self._cipher.encrypted(key, data)

    def _opened(self, key: str, value: Value) -> Any:
        if self._cipher is not None:
            return self._cipher.decrypted(key, value)
        if is_encrypted(value):
            raise DecryptionError(
                f"the memory {key!r} is encrypted; make the agent with the encryption_key that it "
                "was stored with"
            )
        return data_of(value)

    def _data_at(self, key: str) -> Any:
        value = self._storage.get(self._labels, key)
        return None if value is None else self._opened(key, value)

    def _memories(
        self, prefix: str, filter: Mapping[str, Any] | None
    ) -> Iterator[tuple[str, Value]]:
        """Those of a collection; a filter leaves out at most what it does not match."""
        # What is encrypted is nothing to the storage's filter.
        wanted = None if self._cipher is not None else filter_for_items(filter)
        for key, value in self._storage.scan(self._labels, wanted):
            if key.startswith(prefix):
                yield key, value

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

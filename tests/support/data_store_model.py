"""What `data_store` means, as plain dicts: the other half of its property tests.

The methods are named as those of `DataStore`, begin with the user, the namespace's labels and the
agent, and return or raise the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import orjson

from langgraph_agentstore.model.namespaces import Labels

Address: TypeAlias = tuple[str, Labels, str]


@dataclass
class Kept:
    """A record of the model; one that has expired still has its version."""

    value: Any
    created_by: str | None
    version: int = 1
    metadata: dict[str, Any] = field(default_factory=dict)
    reads: int = 0
    touched_by: str | None = None
    expired: bool = False


def json_text(value: object) -> bytes:
    """JSON that tells 1 from 1.0 and true, whatever the order of members."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def as_json(value: object) -> Any:
    """A copy, with lists for tuples.

    Raises:
        TypeError: it is not JSON.
    """
    if isinstance(value, (set, bytes)):
        raise TypeError
    return orjson.loads(orjson.dumps(value))


class DataStoreModel:
    """The records of all users; numbers are added as decimals."""

    def __init__(self) -> None:
        self.kept: dict[Address, Kept] = {}

    def live(self, user: str, labels: Labels) -> dict[str, Kept]:
        """The records of a namespace, by key, in the order of code points."""
        found = {
            key: kept
            for (owner, at, key), kept in self.kept.items()
            if (owner, at) == (user, labels) and not kept.expired
        }
        return dict(sorted(found.items()))

    def expire(self, address: Address) -> None:
        self.kept[address].expired = True

    # What data_store does

    def get(
        self, user: str, labels: Labels, agent: str | None, key: str, default: Any = None
    ) -> Any:
        kept = self.live(user, labels).get(key)
        return default if kept is None else _read(kept, agent)

    def get_many(
        self, user: str, labels: Labels, agent: str | None, keys: Sequence[str]
    ) -> dict[str, Any]:
        there = self.live(user, labels)
        return {key: _read(there[key], agent) for key in keys if key in there}

    def get_all(self, user: str, labels: Labels, agent: str | None) -> dict[str, Any]:
        return {key: _read(kept, agent) for key, kept in self.live(user, labels).items()}

    def items(
        self,
        user: str,
        labels: Labels,
        agent: str | None,
        prefix: str | None = None,
        *,
        page_size: int = 1000,
    ) -> list[tuple[str, Any]]:
        there = self.live(user, labels).items()
        return [(key, kept.value) for key, kept in there if key.startswith(prefix or "")]

    def list_keys(
        self,
        user: str,
        labels: Labels,
        agent: str | None,
        prefix: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[str]:
        keys = [key for key in self.live(user, labels) if key.startswith(prefix or "")]
        return [key for key in keys if after is None or key > after][:limit]

    def list_namespaces(self, user: str, labels: Labels, agent: str | None) -> list[str]:
        holding = {at for owner, at, _ in self.kept if owner == user and self.live(user, at)}
        nameable = [at for at in holding if at and not any(":" in label for label in at)]
        return sorted(":".join(at) for at in nameable)

    def exists(self, user: str, labels: Labels, agent: str | None, key: str) -> bool:
        return key in self.live(user, labels)

    def get_metadata(
        self, user: str, labels: Labels, agent: str | None, key: str
    ) -> dict[str, Any] | None:
        kept = self.live(user, labels).get(key)
        return None if kept is None else kept.metadata

    def record(
        self, user: str, labels: Labels, agent: str | None, key: str
    ) -> dict[str, Any] | None:
        """The fields of a record that do not depend on the clock."""
        kept = self.live(user, labels).get(key)
        if kept is None:
            return None
        return {
            "user_id": user,
            "namespace": ":".join(labels),
            "key": key,
            "value": kept.value,
            "metadata": kept.metadata,
            "created_by_agent": kept.created_by,
            "last_accessed_by_agent": kept.touched_by,
            "access_count": kept.reads,
            "version": kept.version,
        }

    def search(
        self, user: str, labels: Labels, agent: str | None, *, limit: int
    ) -> list[tuple[str, str, Any]]:
        """Namespace, key and value of what is at or below the namespace, in no order."""
        depth = len(labels)
        return sorted(
            (
                (":".join(at), key, kept.value)
                for (owner, at, key), kept in self.kept.items()
                if owner == user and at[:depth] == labels and not kept.expired
            ),
            key=json_text,
        )

    def set(
        self,
        user: str,
        labels: Labels,
        agent: str | None,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        **_ttl: Any,
    ) -> None:
        self._write((user, labels, key), as_json(value), agent, metadata)

    def set_many(
        self,
        user: str,
        labels: Labels,
        agent: str | None,
        items: Mapping[str, Any] | Iterable[tuple[str, Any]],
        metadata: Mapping[str, Any] | None = None,
        **_ttl: Any,
    ) -> int:
        values = {key: as_json(value) for key, value in dict(items).items()}
        for key, value in values.items():
            self._write((user, labels, key), value, agent, metadata)
        return len(values)

    def set_if_absent(
        self,
        user: str,
        labels: Labels,
        agent: str | None,
        key: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        **_ttl: Any,
    ) -> bool:
        if key in self.live(user, labels):
            return False
        self.set(user, labels, agent, key, value, metadata)
        return True

    def compare_and_set(
        self, user: str, labels: Labels, agent: str | None, key: str, expected: Any, new: Any
    ) -> bool:
        kept = self.live(user, labels).get(key)
        if kept is None or not _same(kept.value, as_json(expected)):
            return False
        self.set(user, labels, agent, key, new)
        return True

    def increment(
        self, user: str, labels: Labels, agent: str | None, key: str, by: float = 1
    ) -> Any:
        kept = self.live(user, labels).get(key)
        total = by if kept is None else _sum(kept.value, by)
        self.set(user, labels, agent, key, total)
        return total

    def append(self, user: str, labels: Labels, agent: str | None, key: str, item: Any) -> int:
        kept = self.live(user, labels).get(key)
        there = [] if kept is None else kept.value
        if not isinstance(there, list):
            raise TypeError
        self.set(user, labels, agent, key, [*there, item])
        return len(there) + 1

    def update(
        self,
        user: str,
        labels: Labels,
        agent: str | None,
        key: str,
        fn: Callable[[Any], Any],
        default: Any = None,
    ) -> Any:
        kept = self.live(user, labels).get(key)
        value = as_json(fn(default if kept is None else kept.value))
        self.set(user, labels, agent, key, value)
        return value

    def delete(self, user: str, labels: Labels, agent: str | None, key: str) -> bool:
        kept = self.kept.pop((user, labels, key), None)
        return kept is not None and not kept.expired

    def clear(self, user: str, labels: Labels, agent: str | None) -> int:
        count = len(self.live(user, labels))
        self.kept = {
            address: kept for address, kept in self.kept.items() if address[:2] != (user, labels)
        }
        return count

    def flush(self, user: str, labels: Labels, agent: str | None) -> None:
        """Changes nothing that a user could see."""

    # What LangGraph's methods do

    def put(self, user: str, labels: Labels, key: str, value: dict[str, Any] | None) -> None:
        if value is None:
            self.kept.pop((user, labels, key), None)
        else:
            self._write((user, labels, key), as_json(value), None, None)

    def item(self, user: str, labels: Labels, key: str) -> dict[str, Any] | None:
        kept = self.live(user, labels).get(key)
        return None if kept is None else as_mapping(kept.value)

    def _write(
        self, address: Address, value: Any, agent: str | None, metadata: Mapping[str, Any] | None
    ) -> None:
        before = self.kept.get(address)
        if before is None or before.expired:
            version = 1 if before is None else before.version + 1
            self.kept[address] = before = Kept(value, agent, version)
        else:
            before.value, before.version = value, before.version + 1
        before.metadata.update(as_json(metadata or {}))
        before.touched_by = agent or before.touched_by


def as_mapping(value: Any) -> dict[str, Any]:
    """How LangGraph shows a value."""
    return value if isinstance(value, dict) else {"value": value}


def _read(kept: Kept, agent: str | None) -> Any:
    if agent is not None:
        kept.reads += 1
        kept.touched_by = agent
    return kept.value


def _sum(value: Any, by: float) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    total = Fraction(repr(value)) + Fraction(repr(by))
    return int(total) if isinstance(value, int) and isinstance(by, int) else float(total)


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: of 1 and 1.0, but not of 1 and true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)

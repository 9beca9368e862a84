"""The items that both stores are filled with: the same ones, by COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from langgraph_agentstore.model.namespaces import Labels, encode_labels, sort_key
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope

BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)
OUR_COLUMNS = ("user_id", "namespace", "key", "place", "value", "created_at", "updated_at")

_OURS = f"COPY agentstore.item ({', '.join(OUR_COLUMNS)}) FROM STDIN"
_THEIRS = "COPY store (prefix, key, value, created_at, updated_at) FROM STDIN"
_scope = template_scope(DEFAULT_TEMPLATE)


@dataclass(frozen=True, slots=True)
class Space:
    """`count` items of one namespace, with the keys `key(0)` …"""

    namespace: Labels
    count: int


@dataclass(frozen=True, slots=True)
class Record:
    """One item; `at` is when it was created and updated, another moment for each."""

    namespace: Labels
    key: str
    value: dict[str, Any]
    at: datetime

    def our_row(self, encoded: Any) -> tuple[Any, ...]:
        """Return the values of `OUR_COLUMNS`; `encoded` is the value as the driver takes it."""
        address = _scope.address(self.namespace)
        where = (address.user_id, encode_labels(address.labels), self.key, sort_key(address.labels))
        return (*where, encoded, self.at, self.at)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The content of one database."""

    name: str
    spaces: tuple[Space, ...]

    @property
    def count(self) -> int:
        """The number of items of all namespaces."""
        return sum(space.count for space in self.spaces)

    def records(self) -> Iterator[Record]:
        """Yield the items in the order of their times: the namespaces take turns, as in life."""
        number = 0
        for turn in range(max(space.count for space in self.spaces)):
            for space in self.spaces:
                if turn < space.count:
                    at = BEGINNING + timedelta(milliseconds=number)
                    yield Record(space.namespace, key(turn), value(number), at)
                    number += 1


def key(number: int) -> str:
    """Return the key of the item of that number within its namespace."""
    return f"memory-{number:07}"


def value(number: int) -> dict[str, Any]:
    """Return a memory as agents keep it; about 200 bytes of JSON."""
    return {
        "text": f"In conversation {number} the user said that trains are nicer than planes.",
        "kind": ("fact", "preference", "task")[number % 3],
        "importance": number % 100 / 100,
        "turn": number % 40,
        "tags": ["travel", f"topic-{number % 17}"],
        "source": {"thread": f"thread-{number // 40}", "confirmed": number % 2 == 0},
    }


def memories(count: int) -> Iterator[tuple[Labels, str, dict[str, Any]]]:
    """Yield memories of 1,000 users, some 200 bytes each."""
    for n in range(count):
        text = f"On day {n} the user said that number {n * 7919 % 1000} is what matters. " * 2
        said = {"text": text, "score": n % 100 / 7, "tags": ["said", f"t{n % 20}"]}
        yield ("users", f"user-{n % 1000}", "memories"), f"memory-{n}", said


def mixed(namespaces: int, items_each: int) -> Dataset:
    """Return a dataset half of whose namespaces are users'; the others belong to 25 teams."""
    users = [("users", f"user-{n:05}", "memories") for n in range(namespaces // 2)]
    teams = [(f"team-{n % 25:02}", f"project-{n:05}") for n in range(namespaces - len(users))]
    spaces = [Space(namespace, items_each) for namespace in chain(users, teams)]
    return Dataset(f"mixed_{namespaces}_{items_each}", tuple(spaces))


def large_and_small(large: int, small: int) -> Dataset:
    """Return a dataset with the namespaces of two users, one of them large."""
    counts = {"many": large, "few": small}
    spaces = [Space(("users", user, "memories"), count) for user, count in counts.items()]
    return Dataset(f"large_{large}", tuple(spaces))


def fill(dsn: str, records: Callable[[], Iterable[Record]]) -> None:
    """Fill the tables of both stores with the records that `records` yields at each call."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for sql, row in ((_OURS, _our_row), (_THEIRS, _their_row)):
            with connection.cursor().copy(sql) as copy:
                for record in records():
                    copy.write_row(row(record))
        settle(connection)


def settle(connection: psycopg.Connection[Any]) -> None:
    """Bring statistics up to date, and leave nothing to be written."""
    connection.execute("VACUUM (ANALYZE)")
    connection.execute("CHECKPOINT")


def _our_row(record: Record) -> tuple[Any, ...]:
    return record.our_row(Jsonb(record.value))


def _their_row(record: Record) -> tuple[Any, ...]:
    prefix = ".".join(record.namespace)
    return prefix, record.key, Jsonb(record.value), record.at, record.at

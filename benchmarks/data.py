"""What both stores are filled with: the same items, by COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import Any

import psycopg
from langgraph.store.postgres import PostgresStore
from psycopg.types.json import Jsonb

from langgraph_agentstore import AgentStore
from langgraph_agentstore.model.namespaces import Labels, encode_labels, sort_key
from langgraph_agentstore.model.users import DEFAULT_TEMPLATE, template_scope

_BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)
OUR_COLUMNS = ("user_id", "namespace", "key", "place", "value", "created_at", "updated_at")
_OURS = f"COPY agentstore.item ({', '.join(OUR_COLUMNS)}) FROM STDIN"
_THEIRS = "COPY store (prefix, key, value, created_at, updated_at) FROM STDIN"


@dataclass(frozen=True, slots=True)
class Space:
    """`count` items of one namespace, with the keys `key(0)` …"""

    namespace: Labels
    count: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """The content of one database."""

    name: str
    spaces: tuple[Space, ...]

    @property
    def count(self) -> int:
        """Items of all namespaces."""
        return sum(space.count for space in self.spaces)


@dataclass(frozen=True, slots=True)
class Record:
    """One item; `at` is when it was created and updated, another moment for each."""

    namespace: Labels
    key: str
    value: dict[str, Any]
    at: datetime


def key(number: int) -> str:
    """The key of the item of that number within its namespace."""
    return f"memory-{number:07}"


def value(number: int) -> dict[str, Any]:
    """A memory as agents keep it; about 200 bytes of JSON."""
    return {
        "text": f"In conversation {number} the user said that trains are nicer than planes.",
        "kind": ("fact", "preference", "task")[number % 3],
        "importance": number % 100 / 100,
        "turn": number % 40,
        "tags": ["travel", f"topic-{number % 17}"],
        "source": {"thread": f"thread-{number // 40}", "confirmed": number % 2 == 0},
    }


def mixed(namespaces: int, items_each: int) -> Dataset:
    """Half of the namespaces are users', the other half belong to 25 teams."""
    users = [("users", f"user-{n:05}", "memories") for n in range(namespaces // 2)]
    teams = [(f"team-{n % 25:02}", f"project-{n:05}") for n in range(namespaces - len(users))]
    spaces = [Space(namespace, items_each) for namespace in chain(users, teams)]
    return Dataset(f"mixed_{namespaces}_{items_each}", tuple(spaces))


def large_and_small(large: int, small: int) -> Dataset:
    """Two namespaces of two users, one of them large."""
    counts = {"many": large, "few": small}
    spaces = [Space(("users", user, "memories"), count) for user, count in counts.items()]
    return Dataset(f"large_{large}", tuple(spaces))


def records(dataset: Dataset) -> Iterator[Record]:
    """In the order of their times: the namespaces take turns, as in life."""
    number = 0
    for turn in range(max(space.count for space in dataset.spaces)):
        for space in dataset.spaces:
            if turn < space.count:
                at = _BEGINNING + timedelta(milliseconds=number)
                yield Record(space.namespace, key(turn), value(number), at)
                number += 1


def fill(dsn: str, dataset: Dataset) -> None:
    """Makes the tables of both stores and fills them; then `VACUUM (ANALYZE)` and a checkpoint."""
    fill_records(dsn, lambda: records(dataset))


def fill_records(dsn: str, items: Callable[[], Iterable[Record]]) -> None:
    """As `fill`, with the records that `items` gives each time anew."""
    make_tables(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        _copy(connection, _OURS, (our_row(record, Jsonb(record.value)) for record in items()))
        _copy(connection, _THEIRS, (_their_row(record) for record in items()))
        settle(connection)


def make_tables(dsn: str) -> None:
    """The tables of both, as each makes them."""
    with AgentStore(dsn):
        pass
    with PostgresStore.from_conn_string(dsn) as peer:
        peer.setup()


def settle(connection: psycopg.Connection[Any]) -> None:
    """Statistics are fresh, and nothing is left to be written."""
    connection.execute("VACUUM (ANALYZE)")
    connection.execute("CHECKPOINT")


def _copy(connection: psycopg.Connection[Any], sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(sql) as copy:
        for row in rows:
            copy.write_row(row)


_scope = template_scope(DEFAULT_TEMPLATE)


def our_row(record: Record, encoded: Any) -> tuple[Any, ...]:
    """The values of `OUR_COLUMNS`; `encoded` is the item's value as the driver takes it."""
    address = _scope.address(record.namespace)
    labels = address.labels
    where = (address.user_id, encode_labels(labels), record.key, sort_key(labels))
    return (*where, encoded, record.at, record.at)


def _their_row(record: Record) -> tuple[Any, ...]:
    prefix = ".".join(record.namespace)
    return prefix, record.key, Jsonb(record.value), record.at, record.at

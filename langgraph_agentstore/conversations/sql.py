"""SQL for turns: pages of a thread or of all, the newest turns, threads, and forgetting one.

The keys of a thread are a range of the primary key: all that begin with its id and `_`. The range
of `a` also contains the keys of `a_b`, so statements compare the thread id in the value too. A
store that encrypts shows the server no value: there, key and thread id are told by the key alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from langgraph.store.base import Item

from ..errors import InvalidKeyError
from ..model.addresses import RemovedPlace
from ..model.json_values import as_mapping
from ..model.namespaces import encode_labels
from ..model.users import Address
from ..sql.items.delete import count_of_removed
from ..sql.sealing import with_opened_values, within
from ..sql.search.text import MOST_CHARACTERS, is_blank
from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement
from .keys import ConversationKey

ThreadRow: TypeAlias = tuple[str, str, str, int]
"""A thread's id, its first and last timestamps as texts, and its number of turns."""

_AFTER_UNDERSCORE = "`"
"""The character that follows `_` by code point."""

_LAST_TEXT = "\U0010ffff"
"""A text that sorts above all others by code point: it stands for "no limit"."""

KEY_OF_TURN = "'_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$'"
"""The expression that the keys of turns match, as SQL."""

SECOND_AND_SUFFIX = 24
"""Characters of a key behind the thread id and `_`."""

_ISO_8601 = 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00'


def before_last_sql(suffix: int, otherwise: str) -> str:
    """Return a key without its last characters if it is the key of a turn."""
    return f"CASE WHEN i.key ~ {KEY_OF_TURN} THEN left(i.key, -{suffix}) ELSE {otherwise} END"


def thread_sql(context: SqlContext) -> str:
    """Return the thread id of an item `i`; of an encrypted turn, the beginning of its key."""
    if context.sealing is None:
        return "i.value->>'thread_id'"
    return before_last_sql(SECOND_AND_SUFFIX + 1, "NULL")


def said_sql(context: SqlContext) -> str:
    """Return when a turn `i` was said, as ISO 8601; of an encrypted turn, by its key."""
    if context.sealing is None:
        return "i.value->>'timestamp'"
    digits = f"right(i.key, {SECOND_AND_SUFFIX})"
    date, time = (
        separator.join(f"substr({digits}, {first}, {length})" for first, length in parts)
        for separator, parts in (
            (" || '-' || ", ((1, 4), (5, 2), (7, 2))),
            (" || ':' || ", ((10, 2), (12, 2), (14, 2))),
        )
    )
    # Other programs end their keys by chance: no microsecond.
    microsecond = f"least(('x000' || substr({digits}, 17, 5))::bit(32)::integer, 999999)"
    return f"""CASE WHEN i.key ~ {KEY_OF_TURN}
                    THEN {date} || 'T' || {time}
                         || '.' || lpad({microsecond}::text, 6, '0') || '+00:00' END"""


def newest_first_after(turn: Item, context: SqlContext) -> tuple[str, str]:
    """Return time and key of a turn, behind which the next page of the newest begins."""
    if context.sealing is None:
        return str(turn.value.get("timestamp") or ""), turn.key
    try:
        key = ConversationKey.parse(turn.key)
    except InvalidKeyError:
        return "", turn.key
    at = key.at.replace(microsecond=min(int(key.suffix[:5], 16), 999_999))
    return at.isoformat(timespec="microseconds"), turn.key


def _without_time_sql(context: SqlContext) -> str:
    if context.sealing is None:
        return "jsonb_typeof(i.value->'timestamp') IS DISTINCT FROM 'string'"
    return f"i.key !~ {KEY_OF_TURN}"


def _has_thread_sql(context: SqlContext) -> str:
    if context.sealing is None:
        return "jsonb_typeof(i.value->'thread_id') = 'string'"
    return "true"


def _is_turn_sql(context: SqlContext) -> str:
    if context.sealing is None:
        return "i.value ?| '{query,response,messages}'::text[]"
    return f"i.key ~ {KEY_OF_TURN}"


def plan_thread_page(
    address: Address,
    thread_id: str,
    after: str | None,
    size: int,
    context: SqlContext,
    *,
    before: str | None = None,
    newest_first: bool = False,
) -> Statement[list[Item]]:
    """Read the next `size` turns of a thread in the order of their keys, or in the opposite one.

    `after`: the last key read, or a text that sorts just before the first; `before`: the end.
    """
    first, end = f"{thread_id}_", before or f"{thread_id}{_AFTER_UNDERSCORE}"
    if after is not None:
        first, end = (first, after) if newest_first else (after, end)
    sql = f"""
SELECT i.key, i.value, i.created_at, i.updated_at
  FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key > $3 AND i.key < $4
   AND {thread_sql(context)} = $5 AND {context.live()}
 ORDER BY i.key{" DESC" if newest_first else ""}
 LIMIT $6"""
    stored = encode_labels(address.labels)
    arguments = (address.user_id, stored, first, end, thread_id, size)
    decode = _items_below(address, context)
    return Statement(sql, arguments, decode, queue=Queue.EQUAL_READS, kind="list_turns")


def plan_neighbors(
    address: Address, keys: Sequence[tuple[str, str]], context: SqlContext
) -> Statement[list[Item]]:
    """Read the turns directly before and after some turns, each given by thread id and key."""
    of_thread = f"i.user_id = $1 AND i.namespace = $2 AND {thread_sql(context)} = t.thread_id"
    columns = "i.key, i.value, i.created_at, i.updated_at"
    sql = f"""
SELECT DISTINCT ON (n.key) n.key, n.value, n.created_at, n.updated_at
  FROM unnest($3::text[], $4::text[]) AS t (thread_id, key)
 CROSS JOIN LATERAL (
       (SELECT {columns} FROM {context.tables.item} i
         WHERE {of_thread} AND {context.live()}
           AND i.key > t.thread_id || '_' COLLATE "C" AND i.key < t.key COLLATE "C"
         ORDER BY i.key DESC LIMIT 1)
       UNION ALL
       (SELECT {columns} FROM {context.tables.item} i
         WHERE {of_thread} AND {context.live()}
           AND i.key > t.key COLLATE "C"
           AND i.key < t.thread_id || '{_AFTER_UNDERSCORE}' COLLATE "C"
         ORDER BY i.key LIMIT 1)) n
 ORDER BY n.key"""
    threads, own = ([pair[number] for pair in keys] for number in (0, 1))
    arguments = (address.user_id, encode_labels(address.labels), threads, own)
    decode = _items_below(address, context)
    return Statement(sql, arguments, decode, queue=Queue.EQUAL_READS, kind="get_neighbors")


def plan_turns_by_key(
    address: Address,
    after: str,
    days: tuple[str | None, str | None],
    size: int,
    context: SqlContext,
) -> Statement[list[Item]]:
    """Read the next `size` turns of all threads, behind the key `after`, in the order of keys.

    `days`: from which on and before which the turns were said, such as `2026-01-31`; None for no
    limit. Turns without a timestamp are read whatever the days are.
    """
    said = said_sql(context)
    sql = f"""
SELECT i.key, i.value, i.created_at, i.updated_at
  FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key > $3 AND {context.live()}
   AND ({_without_time_sql(context)}
        OR ({said}) COLLATE "C" >= $4
           AND ({said}) COLLATE "C" < $5)
 ORDER BY i.key
 LIMIT $6"""
    since, until = days[0] or "", days[1] or _LAST_TEXT
    arguments = (address.user_id, encode_labels(address.labels), after, since, until, size)
    decode = _items_below(address, context)
    return Statement(sql, arguments, decode, queue=Queue.EQUAL_READS, kind="get_turns")


def plan_forget_thread(address: Address, thread_id: str, context: SqlContext) -> Statement[int]:
    """Remove the turns of a thread; return how many of them had not expired."""
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key > $3 AND i.key < $4
   -- The range has the turns of other threads too, whose ids begin in the same way.
   AND {thread_sql(context)} = $5 AND {_is_turn_sql(context)}"""
    first, end = f"{thread_id}_", f"{thread_id}{_AFTER_UNDERSCORE}"
    stored = encode_labels(address.labels)
    arguments = (address.user_id, stored, first, end, thread_id)
    removals = [RemovedPlace(address.user_id, stored, thread_id)]
    return count_of_removed([delete], arguments, context, (address.user_id,), removals)


def plan_newest_turns(
    address: Address, before: tuple[str, str] | None, size: int, context: SqlContext
) -> Statement[list[Item]]:
    """Read the `size` newest turns of all threads, before a pair of timestamp and key.

    The statement reads every turn of the user and keeps `size` of them.
    """
    timestamp, key = before or (_LAST_TEXT, "")
    said = f"coalesce({said_sql(context)}, '')"
    sql = f"""
SELECT i.key, i.value, i.created_at, i.updated_at
  FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2 AND {context.live()}
   AND ({said} COLLATE "C", i.key) < ($3 COLLATE "C", $4)
 ORDER BY {said} COLLATE "C" DESC, i.key DESC
 LIMIT $5"""
    arguments = (address.user_id, encode_labels(address.labels), timestamp, key, size)
    decode = _items_below(address, context)
    return Statement(sql, arguments, decode, queue=Queue.EQUAL_READS, kind="list_newest_turns")


def _said_turns_sql(context: SqlContext, more: str = "") -> str:
    """Return the SELECT of turns `i` of a namespace with their thread and time."""
    return f"""SELECT {thread_sql(context)} AS thread_id,{more}
               coalesce({said_sql(context)},
                        to_char(i.created_at AT TIME ZONE 'UTC', '{_ISO_8601}')) COLLATE "C"
                 AS said
          FROM {context.tables.item} i
         WHERE i.user_id = $1 AND i.namespace = $2 AND {context.live()}
           AND {_has_thread_sql(context)}
           AND {_is_turn_sql(context)}"""


def plan_threads(address: Address, context: SqlContext) -> Statement[list[ThreadRow]]:
    """Read every thread with its first and last time and its number of turns, latest first."""
    sql = f"""
SELECT t.thread_id, min(t.said), max(t.said), count(*)
  FROM ({_said_turns_sql(context)}) t
 GROUP BY t.thread_id
 ORDER BY max(t.said) DESC, t.thread_id"""

    def decode(rows: Sequence[Row]) -> Decoded[list[ThreadRow]]:
        return Decoded([(row[0], row[1], row[2], row[3]) for row in rows])

    arguments = (address.user_id, encode_labels(address.labels))
    return Statement(sql, arguments, decode, queue=Queue.EQUAL_READS, kind="list_threads")


def plan_threads_of_part(
    address: Address, after: str, rows: int, context: SqlContext
) -> Statement[tuple[list[ThreadRow], str | None]]:
    """Read the threads of the next `rows` turns behind a key, in the order of keys.

    The second result is the last of these keys, to continue after; None at the end.
    """
    turns = _said_turns_sql(context, " i.key,")
    sql = f"""
WITH part AS MATERIALIZED (
       SELECT * FROM ({turns} AND i.key > $3) i
        ORDER BY i.key LIMIT $4
)
SELECT p.thread_id, min(p.said), max(p.said), count(*),
       (SELECT l.key FROM part l ORDER BY l.key OFFSET $4 - 1 LIMIT 1)
  FROM part p
 GROUP BY p.thread_id
 ORDER BY max(p.said) DESC, p.thread_id"""

    def decode(rows: Sequence[Row]) -> Decoded[tuple[list[ThreadRow], str | None]]:
        found = [(row[0], row[1], row[2], row[3]) for row in rows]
        return Decoded((found, rows[0][4] if rows else None))

    arguments = (address.user_id, encode_labels(address.labels), after, rows)
    return Statement(
        sql,
        arguments,
        decode,
        queue=Queue.EQUAL_READS,
        users=(address.user_id,),
        kind="list_threads",
    )


def within_thread(thread_id: str, arguments: list[Any], context: SqlContext) -> str:
    """Return the condition that a turn `i` is in a thread, and append its arguments.

    The range of keys serves the index, and spares the reading of most values of other threads.
    """
    arguments += [f"{thread_id}_", f"{thread_id}{_AFTER_UNDERSCORE}", thread_id]
    first, end, same = (f"${len(arguments) - n}::text" for n in (2, 1, 0))
    return f"(i.key > {first} AND i.key < {end} AND {thread_sql(context)} = {same})"


def searched_part(query: str) -> str | None:
    """Return the part of a query that is searched; None if the query asks for nothing."""
    return None if is_blank(query) else query[:MOST_CHARACTERS]


def _items_below(
    address: Address, context: SqlContext
) -> Callable[[Sequence[Row]], Decoded[list[Item]]]:
    labels = address.labels

    def decode(rows: Sequence[Row]) -> Decoded[list[Item]]:
        return Decoded(
            [
                Item(
                    namespace=labels,
                    key=key,
                    value=as_mapping(value),
                    created_at=created_at,
                    updated_at=updated_at,
                )
                for key, value, created_at, updated_at in rows
            ]
        )

    return with_opened_values(decode, 1, within(address.user_id, encode_labels(labels)), context)

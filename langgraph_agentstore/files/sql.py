"""SQL for files: listing a folder, sizes for a glob, candidates for a grep, removing a tree.

A file is an item whose key is its path. Every statement reads exactly one namespace, none below
it, by ranges of the primary key: everything in the folder `/a/` is `key >= '/a/' AND key < '/a0'`,
since `0` follows `/` in ASCII. Only a grep sends contents to the client.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from ..model.addresses import RemovedPlace
from ..sql.change_notify import with_change_notify
from ..sql.item_columns import EXPIRED, replacing
from ..sql.items.delete import count_of_removed
from ..sql.items.put import arguments_of, insert_one
from ..sql.sealing import with_opened_values, within
from ..sql.statement import Decoded, Put, Queue, ResultT, Row, SqlContext, Statement, written_once

SizeUnit: TypeAlias = Literal["characters", "bytes"]

_LENGTH = {"characters": "char_length", "bytes": "octet_length"}


class Space(NamedTuple):
    """The place of files: a user, or the shared space, and the stored text of one namespace."""

    user_id: str
    namespace: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file, or a folder, whose path ends with `/` and whose size is 0.

    `size` is None if the item is not a file. `modified_at` is ISO 8601, as stored in the file.
    """

    path: str
    size: int | None
    modified_at: str = ""
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """The files of a search: `path`, and all paths that start with `prefix`, which ends with `/`.

    `like` is a lower-case LIKE pattern for the paths that start with `prefix`. It leaves out only
    paths that cannot match.
    """

    path: str
    prefix: str
    like: str = "%"

    def covers(self, path: str) -> bool:
        """Return whether a path is within reach, whatever `like` leaves out."""
        return path == self.path or path.startswith(self.prefix)

    @property
    def arguments(self) -> tuple[str, str, str, str]:
        return self.path, self.prefix, after_folder(self.prefix), self.like


def after_folder(prefix: str) -> str:
    """Return the exclusive upper end of the paths that start with `prefix`, which ends with `/`."""
    return prefix[:-1] + "0"


# Detoasts a value once for all uses; scalars, which are not files, raise no error.
_OPENED = "CROSS JOIN LATERAL (SELECT i.value || '{}'::jsonb AS v OFFSET 0) f"


def _reached(context: SqlContext) -> str:
    """Select the items within reach by two range scans; an OR might scan the namespace."""
    columns = f"SELECT i.key, i.value FROM {context.tables.item} i"
    where = f"WHERE i.user_id = $1 AND i.namespace = $2 AND {context.live()}"
    return f"""({columns} {where} AND i.key = $3
        UNION ALL
        {columns} {where} AND i.key >= $4 AND i.key < $5 AND i.key <> $3
                  AND lower(i.key) LIKE $6) i"""


def _details(unit: SizeUnit) -> str:
    """Select size and time of an opened value, whose content is a text or a list of lines."""
    length = _LENGTH[unit]
    return f"""CASE jsonb_typeof(f.v->'content')
            WHEN 'string' THEN {length}(f.v->>'content')
            WHEN 'array' THEN (
                SELECT CASE WHEN bool_and(jsonb_typeof(line) = 'string') IS NOT FALSE
                            THEN greatest(sum({length}(line #>> '{{}}')) + count(*) - 1, 0) END
                  FROM jsonb_array_elements(f.v->'content') line)
            END AS size,
       CASE jsonb_typeof(f.v->'modified_at') WHEN 'string' THEN f.v->>'modified_at' END"""


def _first_nested(start: str, context: SqlContext) -> str:
    """Select the first file at or after `start` that is in a subfolder of the folder `$3`."""
    return f"""(SELECT i.key FROM {context.tables.item} i
             WHERE i.user_id = $1 AND i.namespace = $2 AND i.key >= {start} AND i.key < $4
               AND strpos(substr(i.key, char_length($3) + 1), '/') > 0 AND {context.live()}
             ORDER BY i.key LIMIT 1)"""


@written_once
def _children_sql(context: SqlContext, unit: SizeUnit) -> str:
    item, live = context.tables.item, context.live()
    folder = "$3 || split_part(substr(walk.nested, char_length($3) + 1), '/', 1)"
    return f"""
WITH RECURSIVE walk (start, nested) AS (
    SELECT $3::text COLLATE "C", {_first_nested("$3", context)}
    UNION ALL
    -- From subfolder to subfolder: the files in each are skipped, however many.
    SELECT following.start, {_first_nested("following.start", context)}
      FROM walk CROSS JOIN LATERAL (
           SELECT ({folder} || '0') COLLATE "C" AS start OFFSET 0) following
     WHERE walk.nested IS NOT NULL
)
SELECT {folder} || '/', 0::bigint, '', true
  FROM walk WHERE walk.nested IS NOT NULL
UNION ALL
-- The files of the folder itself are between the subfolders.
SELECT files.* FROM walk CROSS JOIN LATERAL (
    SELECT i.key, {_details(unit)}, false
      FROM {item} i {_OPENED}
     WHERE i.user_id = $1 AND i.namespace = $2 AND i.key >= walk.start
       AND i.key < coalesce(walk.nested, $4) AND {live} OFFSET 0) files"""


def plan_children(
    space: Space, folder: str, unit: SizeUnit, context: SqlContext
) -> Statement[list[FileEntry]]:
    """Plan the list of files and folders directly in `folder`, which ends with `/`; by path.

    The cost does not depend on the number of files in subfolders.
    """
    arguments = (*space, folder, after_folder(folder))
    return _read_of_space(_children_sql(context, unit), arguments, _decode_entries)


LONGEST_MEASURED = 100_000
"""Bytes of a stored value whose size a page tells: a longer one takes long to unpack."""


@written_once
def _children_page_sql(context: SqlContext, unit: SizeUnit) -> str:
    item, rest = context.tables.item, "substr(walk.key, char_length($3) + 1)"

    def next_from(start: str) -> str:
        return f"""(SELECT i.key FROM {item} i
             WHERE i.user_id = $1 AND i.namespace = $2 AND i.key >= {start} AND i.key < $4
               AND {context.live()}
             ORDER BY i.key LIMIT 1)"""

    # Of a subfolder the first file is enough: "0" follows "/".
    subfolder = f"$3 || split_part({rest}, '/', 1)"
    following = (
        f"(CASE WHEN strpos({rest}, '/') > 0 THEN {subfolder} || '0' "
        'ELSE walk.key || chr(1) END COLLATE "C")'
    )
    return f"""
WITH RECURSIVE walk (key, nth) AS (
    SELECT first.key, 1::bigint FROM {next_from("$5::text")} first
    UNION ALL
    SELECT following.key, walk.nth + 1
      FROM walk CROSS JOIN LATERAL {next_from(following)} following
     WHERE walk.nth < $6
), entry AS (
    SELECT walk.key, walk.nth, strpos({rest}, '/') > 0 AS is_folder,
           {subfolder} || '/' AS folder
      FROM walk
)
SELECT CASE WHEN e.is_folder THEN e.folder ELSE e.key END,
       CASE WHEN e.is_folder THEN 0 ELSE d.size END, d.modified_at, e.is_folder
  FROM entry e
  LEFT JOIN LATERAL (
    SELECT {_details(unit)} AS modified_at
      FROM {item} i {_OPENED}
     WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = e.key AND NOT e.is_folder
       AND pg_column_size(i.value) <= {LONGEST_MEASURED}) d ON true
 ORDER BY e.nth"""


def plan_children_page(
    space: Space, folder: str, after: str, size: int, unit: SizeUnit, context: SqlContext
) -> Statement[list[FileEntry]]:
    """Plan the next `size` files and folders directly in `folder`, which ends with `/`.

    `after`: the path of the last one of the page before, "" for the first page. The size of a file
    whose value takes more than `LONGEST_MEASURED` bytes is None.
    """
    start = folder
    if after:
        start = after_folder(after) if after.endswith("/") else f"{after}\x01"
    arguments = (*space, folder, after_folder(folder), start, size)
    return _read_of_space(_children_page_sql(context, unit), arguments, _decode_entries)


@written_once
def _entries_sql(context: SqlContext, unit: SizeUnit) -> str:
    return f"""
SELECT i.key, {_details(unit)}, false
  FROM {_reached(context)} {_OPENED}"""


def plan_entries(
    space: Space, reach: Reach, unit: SizeUnit, context: SqlContext
) -> Statement[list[FileEntry]]:
    """Plan the list of all files within reach, by path."""
    arguments = (*space, *reach.arguments)
    return _read_of_space(_entries_sql(context, unit), arguments, _decode_entries)


def _decode_entries(rows: Sequence[Row]) -> Decoded[list[FileEntry]]:
    entries = [FileEntry(path, size, at or "", folder) for path, size, at, folder in rows]
    return Decoded(sorted(entries, key=lambda entry: entry.path))


@written_once
def _contents_sql(context: SqlContext) -> str:
    return f"""
SELECT i.key, i.value
  FROM {_reached(context)} {_OPENED}
 -- Lines are a JSON list; its text has some characters escaped.
 WHERE i.key = $3 OR strpos(f.v->>'content',
           CASE jsonb_typeof(f.v->'content') WHEN 'array' THEN $8 ELSE $7 END) > 0
 ORDER BY i.key"""


def plan_contents(
    space: Space, reach: Reach, literal: str, context: SqlContext
) -> Statement[list[tuple[str, Any]]]:
    """Plan the read of path and value of the files within reach that contain `literal`, by path.

    `reach.path` is read in any case. A list of lines may be read although it does not contain
    the literal.
    """
    escaped = json.dumps(literal, ensure_ascii=False)[1:-1]
    arguments = (*space, *reach.arguments, literal, escaped)

    return _read_of_space(_contents_sql(context), arguments, _decode_values)


def plan_values_within(
    space: Space, reach: Reach, context: SqlContext
) -> Statement[list[tuple[str, Any]]]:
    """Plan the read of path and value of all files within reach, for a store that encrypts.

    What `plan_children`, `plan_entries` and `plan_contents` find out on the server needs values
    that the server can read.
    """
    sql = f"""
SELECT i.key, i.value
  FROM {_reached(context)}
 ORDER BY i.key"""
    here = within(space.user_id, space.namespace)
    decode = with_opened_values(_decode_values, 1, here, context)
    return _read_of_space(sql, (*space, *reach.arguments), decode)


def _decode_values(rows: Sequence[Row]) -> Decoded[list[tuple[str, Any]]]:
    return Decoded([(path, value) for path, value in rows])


def _read_of_space(
    sql: str, arguments: tuple[Any, ...], decode: Callable[[Sequence[Row]], Decoded[ResultT]]
) -> Statement[ResultT]:
    """Return the read of a `Space`, which the arguments begin with."""
    return Statement(
        sql, arguments, decode, queue=Queue.EQUAL_READS, users=(arguments[0],), kind="read_files"
    )


_LIVE_WHEN_REPLACED = f"({EXPIRED}) IS NOT TRUE"


@written_once
def _overwrite_sql(context: SqlContext) -> str:
    kept = f"""CASE
           WHEN {_LIVE_WHEN_REPLACED} AND i.value->>'created_at' <> ''
           THEN jsonb_set(excluded.value, '{{created_at}}', i.value->'created_at')
           ELSE excluded.value END"""
    return with_change_notify(insert_one(context, replacing(kept)), context)


def plan_overwrite(put: Put, context: SqlContext) -> Statement[None]:
    """Plan a write that keeps the `created_at` of a replaced file; for stores without an index."""

    def decode(_: Sequence[Row]) -> Decoded[None]:
        return Decoded(None)

    # A second run could undo another writer's change in between.
    return Statement(
        _overwrite_sql(context),
        arguments_of(put),
        decode,
        idempotent=False,
        users=put.users,
        kind="put_file",
    )


def plan_delete_tree(space: Space, path: str, context: SqlContext) -> Statement[int]:
    """Plan the removal of a file and everything below it; the result counts unexpired files."""
    folder = path + "/"
    delete = f"""
DELETE FROM {context.tables.item} i
 WHERE i.user_id = $1 AND i.namespace = $2"""
    # One range each; an OR might scan the namespace.
    deletes = [f"{delete} AND i.key = $3", f"{delete} AND i.key >= $4 AND i.key < $5"]
    arguments = (*space, path, folder, after_folder(folder))
    return count_of_removed(
        deletes, arguments, context, (space.user_id,), [RemovedPlace(*space, path)]
    )

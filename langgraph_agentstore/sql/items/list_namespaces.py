"""Listing of distinct namespaces, in the order of their tuples.

The index `item_place` holds the namespaces of a user in that order, so the listing goes from
each namespace, or from each truncation to `max_depth`, straight to the next one: the cost is
that of the page, not of the table. Conditions that are no plain prefix are tested on each stop.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from langgraph.store.base import ListNamespacesOp, MatchCondition

from ...model.namespaces import Labels, first_sort_key_after, labels_of_sort_key, sort_key
from ...model.users import Region, Scope, users_of_regions
from ..statement import Decoded, Queue, Row, SqlContext, Statement

WILDCARD = "*"

LONGEST_STRIDE = 256
"""Entries of the index that one step of a walk takes in at most."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """A region to walk: `head` precedes the user, if the region has users, and the labels."""

    head: Labels
    has_user: bool
    user_id: str | None
    prefix: Labels
    conditions: tuple[MatchCondition, ...]
    depth: int | None
    hidden: tuple[Labels, ...] = ()

    @property
    def label_depth(self) -> int | None:
        """The number of labels kept below the user; below 0, not even the user is kept."""
        if self.depth is None:
            return None
        return self.depth - len(self.head) - int(self.has_user)


def plan_list_namespaces(
    op: ListNamespacesOp, scope: Scope, context: SqlContext
) -> Statement[list[Labels]]:
    """Plan the listing of namespaces that hold an item, cut to `op.max_depth`, sorted as tuples."""
    walks = [
        walk for region, head in scope.heads() if (walk := _narrowed(region, head, op)) is not None
    ]
    arguments: list[Any] = [op.limit + op.offset]
    selects = [_part_sql(n, walk, len(walks), arguments, context) for n, walk in enumerate(walks)]
    sql = "\nUNION ALL\n".join(selects)

    def decode(rows: Sequence[Row]) -> Decoded[list[Labels]]:
        found: list[list[Labels]] = [[] for _ in walks]
        for number, user_id, at in rows:
            walk = walks[number]
            user = (user_id,) if walk.has_user else ()
            found[number].append((*walk.head, *user, *labels_of_sort_key(at))[: walk.depth])
        return Decoded(_page_of_labels(found, op.offset, op.limit))

    users = users_of_regions([Region(walk.user_id, ()) for walk in walks])
    return Statement(
        sql,
        tuple(arguments),
        decode,
        queue=Queue.EQUAL_READS,
        again=list,
        users=users,
        kind="list_namespaces",
    )


def _page_of_labels(found: Sequence[Sequence[Labels]], offset: int, limit: int) -> list[Labels]:
    """Return a page of the sorted union; two regions can share a truncation, such as ("users",)."""
    parts = [sorted(labels) for labels in found if labels]
    merged = parts[0] if len(parts) == 1 else heapq.merge(*parts)
    return list(islice(dict.fromkeys(merged), offset, offset + limit))


def _narrowed(region: Region, head: Labels, op: ListNamespacesOp) -> _Walk | None:
    """Return the part of a region that meets the plain start of each prefix condition, or None."""
    has_user = region.user_id is None
    user_id, prefix = region.user_id, Labels()
    for condition in op.match_conditions or ():
        if condition.match_type != "prefix":
            continue
        path = tuple(condition.path)
        if any(p not in (WILDCARD, h) for p, h in zip(path, head, strict=False)):
            return None
        rest = path[len(head) :]
        if has_user and rest:
            if rest[0] != WILDCARD:
                if user_id not in (None, rest[0]):
                    return None
                user_id = rest[0]
            rest = rest[1:]
        prefix = max(prefix, _plain_start(rest), key=len)
    inside = _innermost(region.labels, prefix)
    if inside is None:
        return None
    conditions = tuple(op.match_conditions or ())
    return _Walk(head, has_user, user_id, inside, conditions, op.max_depth, region.hidden)


def _innermost(one: Labels, other: Labels) -> Labels | None:
    """Return the longer of two namespaces if it is below the other; None if it is not."""
    shorter, longer = sorted((one, other), key=len)
    return longer if longer[: len(shorter)] == shorter else None


def _plain_start(path: Labels) -> Labels:
    return path[: path.index(WILDCARD)] if WILDCARD in path else path


def _part_sql(
    number: int, walk: _Walk, parts: int, arguments: list[Any], context: SqlContext
) -> str:
    """Return the SQL of the namespaces of one region."""
    before = len(arguments)
    walked = _walk_sql(number, walk, arguments, context)
    if parts == 1 and walk.user_id is not None:
        return walked
    # A walk goes from user to user, and so from node to node: over several, entries are read.
    del arguments[before:]
    return context.either(walked, _distinct_sql(number, walk, arguments, context))


def _distinct_sql(number: int, walk: _Walk, arguments: list[Any], context: SqlContext) -> str:
    """Return the SQL of the same namespaces that reads all entries of the index."""
    bounds = _bounds(walk, arguments)
    same = ">=" if walk.user_id is None else "="
    tests = _tests(walk, arguments)
    cut = _cut_sql("place", walk.label_depth)
    return f"""
(SELECT DISTINCT {number}::int, user_id, {cut} COLLATE "C" AS place
   FROM {context.tables.item} i
  WHERE i.user_id {same} {bounds.user} AND i.place >= {bounds.place}{bounds.others}
    AND {context.live()}{tests}
  ORDER BY user_id, place LIMIT {"1" if (walk.label_depth or 0) < 0 else "$1"})"""


def _walk_sql(number: int, walk: _Walk, arguments: list[Any], context: SqlContext) -> str:
    """Return the SQL of a walk along the index, from each stop past all that it stands for.

    A stride takes in one entry of the index at first. As long as every entry is a stop of its
    own, strides grow, so many small namespaces cost no probe each; else they are short again.
    """
    bounds = _bounds(walk, arguments)
    # No comparison of rows for one user: the index would start at the user, not at the sort key.
    position = (
        "(i.user_id, i.place) >= (walk.next_user, walk.next_place)"
        if walk.user_id is None
        else f"i.user_id = {bounds.user} AND i.place >= walk.next_place"
    )
    tests = _tests(walk, arguments)
    # What is tested on each stop must be stopped at, so truncation then waits until after.
    depth = None if tests else walk.label_depth
    next_user, next_place = _following(depth, one_user=walk.user_id is not None)
    return f"""
(WITH RECURSIVE walk AS (
    SELECT '' COLLATE "C" AS user_id, '' COLLATE "C" AS place,
           {bounds.user} COLLATE "C" AS next_user, {bounds.place} COLLATE "C" AS next_place,
           0::bigint AS nth, 0::bigint AS stops, 1 AS stride
    UNION ALL
    SELECT stop.user_id, stop.place, {next_user}, {next_place},
           row_number() OVER (ORDER BY stop.user_id, stop.place), count(*) OVER (), stop.stride
      FROM walk CROSS JOIN LATERAL (
        SELECT DISTINCT entry.user_id, {_cut_sql("entry.place", depth)} AS place, entry.stride
          FROM (SELECT CASE WHEN walk.stops < walk.stride THEN 1
                            ELSE least(walk.stride * 4, {LONGEST_STRIDE}) END AS stride) step
         CROSS JOIN LATERAL (
            SELECT i.user_id, i.place, step.stride FROM {context.tables.item} i
             WHERE {position}{bounds.others} AND {context.live()}
             ORDER BY i.user_id, i.place LIMIT step.stride) entry) stop
     WHERE walk.nth = walk.stops
)
{_selected(number, walk, tests)})"""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The first user and sort key of a walk, and conditions that all its entries meet."""

    user: str
    place: str
    others: str


def _bounds(walk: _Walk, arguments: list[Any]) -> _Bounds:
    def argument(value: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::text"

    # Of all users: the least that is not the shared space's ''.
    user = r"E'\x01'" if walk.user_id is None else argument(walk.user_id)
    others = ""
    for hidden in walk.hidden:
        place = sort_key(hidden)
        start, end = argument(place), argument(first_sort_key_after(place))
        others += f" AND NOT (i.place >= {start} AND i.place < {end})"
    if not walk.prefix:
        return _Bounds(user, "''", others)
    place = sort_key(walk.prefix)
    start, end = argument(place), argument(first_sort_key_after(place))
    if walk.user_id is None:
        others += f" AND i.place >= {start}"
    return _Bounds(user, start, f"{others} AND i.place < {end}")


def _following(depth: int | None, *, one_user: bool) -> tuple[str, str]:
    """Return the least user and sort key after everything that a stop stands for.

    U+0001 is the least that can follow a sort key inside its namespace, or a user id; U+0002 is
    what follows the last sort key below it.
    """
    if depth is None:
        return "stop.user_id", r"stop.place || E'\x01'"
    if depth <= 0:
        return (r"stop.user_id || E'\x01'", "NULL" if one_user else "''")
    labels = r"string_to_array(stop.place, E'\x01')"
    place = (
        rf"stop.place || CASE WHEN cardinality({labels}) < {depth} THEN E'\x01' ELSE E'\x02' END"
    )
    return "stop.user_id", place


def _cut_sql(place: str, depth: int | None) -> str:
    if depth is None:
        return place
    if depth <= 0:
        return "'' COLLATE \"C\""
    kept = rf"array_to_string((string_to_array({place}, E'\x01'))[1:{depth}], E'\x01')"
    if depth > 1:
        return kept
    # One empty label, of namespaces such as ':a', must be told from none.
    return rf"CASE WHEN starts_with({place}, E'\x01') THEN E'\x02' ELSE {kept} END"


def _selected(number: int, walk: _Walk, tests: str) -> str:
    select = f"SELECT {number}::int, user_id, place FROM walk WHERE nth > 0 {tests}"
    depth = walk.label_depth
    if depth is not None and depth < 0:
        return f"{select} LIMIT 1"
    if not tests or depth is None:
        # In order: the walk emits stops as it finds them, and ends when it has enough.
        return f"{select} LIMIT $1"
    cut = _cut_sql("place", depth)
    return f"""SELECT DISTINCT {number}::int, user_id, {cut} COLLATE "C" AS place
  FROM walk WHERE nth > 0 {tests}
 ORDER BY user_id, place LIMIT $1"""


def _tests(walk: _Walk, arguments: list[Any]) -> str:
    """Return the conditions that narrowing has not met, each as a regular expression."""
    patterns = [
        _pattern(condition)
        for condition in walk.conditions
        if condition.path and not _is_met(condition, walk)
    ]
    if not patterns:
        return ""
    whole = _whole_place(walk, arguments)
    tests = []
    for pattern in patterns:
        arguments.append(pattern)
        tests.append(f"{whole} ~ ${len(arguments)}")
    return "".join(f" AND {test}" for test in tests)


def _is_met(condition: MatchCondition, walk: _Walk) -> bool:
    """Return whether every row of the narrowed region meets the condition."""
    if condition.match_type != "prefix":
        return False
    rest = tuple(condition.path)[len(walk.head) :]
    if walk.has_user:
        rest = rest[1:]
    return WILDCARD not in rest and walk.prefix[: len(rest)] == rest


def _whole_place(walk: _Walk, arguments: list[Any]) -> str:
    """Return the sort key of the full tuple, with head and user and a joint before each label."""
    arguments.append("".join("\x01" + sort_key((label,)) for label in walk.head))
    head = f"${len(arguments)}::text"
    user = (
        r" || E'\x01' || replace(replace(user_id, E'\x02', E'\x02\x03'), E'\x01', E'\x02\x02')"
        if walk.has_user
        else ""
    )
    return rf"({head}{user} || CASE WHEN place = '' THEN '' ELSE E'\x01' || place END)"


def _pattern(condition: MatchCondition) -> str:
    """Return a regular expression over the whole sort key; `*` is any one label."""
    labels = "".join(
        "\x01" + ("[^\x01]*" if label == WILDCARD else re.escape(sort_key((label,))))
        for label in condition.path
    )
    return f"^{labels}(\x01|$)" if condition.match_type == "prefix" else f"{labels}$"

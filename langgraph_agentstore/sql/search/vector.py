"""Vector search: the nearest items of a scope, exactly or by the approximate index.

Up to some thousands of parts in scope, all of them are measured. Above that, the index gives its
`VECTOR_POOL` nearest parts. If it gives fewer, because the scope or the filter lets few of them
through, all are measured after all. So there are always as many results as there are matches,
and a page further down than the pool reaches goes on behind it by measuring: whatever the page,
the order is the same one.

The way is chosen in the statement, whatever the planner's settings are. `OFFSET 0` keeps the
planner from taking a part of it apart, and a `LATERAL` that refers to the part before it fixes
the order of a join.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...config.search_index import VectorIndex
from ...model.users import Region
from ..item_columns import KEY, same_key
from ..region_condition import region_condition
from ..statement import SqlContext
from ..vector_tables import distance_sql

VECTOR_POOL = 250
"""Parts that the approximate index is asked for; see ADR 0010."""

POOL_OF_BITS = 1000
"""The same where it knows one bit of each dimension: their order is decided by the vectors."""

LEAST_EXACT = 10_000
"""Parts in scope up to which all are measured, however small the table is."""

INDEX_COST = 10
"""The factor of the largest scope that is measured: √(INDEX_COST · VECTOR_POOL · rows) parts.

With 3, both ways would take as long there. The rest is for recall, which falls as the index passes
by more parts. See ADR 0010.
"""

SAMPLE = 100
"""Items that are looked at to see whether few pass a filter: fewer than a tenth."""

_ALWAYS_MEASURED = """way AS MATERIALIZED (
    SELECT true AS measured, CASE WHEN selective THEN 'selective' ELSE 'exact' END AS name
      FROM sampled
),
kept AS MATERIALIZED (
    SELECT '' AS user_id, '' AS namespace, '' AS key, 0::float8 AS distance WHERE false
),"""


def vector_list_sql(
    regions: Sequence[Region],
    where: str,
    filter: str | None,
    depth: str,
    context: SqlContext,
    arguments: list[Any],
    *,
    need: str | None = None,
    spanned: bool = True,
) -> str:
    """Return CTEs; the last, `vector_list`, has the nearest `depth` items in their order.

    If the index gives at least `need` items, which is `depth` unless given, they are the list.

    `spanned`: CTE `measured` is read besides, as by `VECTOR_SPAN`; else only its nearest are kept.

    `where`: a condition on `i`, besides its place, that the items in scope meet; `filter`: the
    part of it that asks for values, None for none. `$1` is the
    query's vector. Columns: triple, distance, rank; `way` has one row, which tells
    how they were found.
    """
    region = region_condition(regions, arguments, "v")
    items = region_condition(regions, arguments)
    measured = _measured(region, items, where, context)
    first = f"({depth} + 20)"
    return f"""{_sampled(items, filter, context)}{_near(region, where, need or depth, context)}
measured AS MATERIALIZED (
    {measured}
), closest AS MATERIALIZED (
    -- Mostly so few parts give enough items, and need no sort of all.
    -- OFFSET 0: the approximate index must not give their order.
    SELECT * FROM {"measured" if spanned else f"({measured} OFFSET 0) measured"}
     ORDER BY distance, {KEY} LIMIT {first}
), first AS MATERIALIZED (
    SELECT p.user_id, p.namespace, p.key, min(p.distance) AS distance
      FROM closest p
     {_join_item(where, context)}
     GROUP BY p.user_id, p.namespace, p.key
), short AS MATERIALIZED (
    SELECT (SELECT count(*) FROM first) < {depth}
       AND (SELECT count(*) FROM closest) = {first} AS of_items
), all_measured AS MATERIALIZED (
    -- Nearest first, until there are enough: an item is looked at only when its turn has come.
    SELECT p.user_id, p.namespace, p.key, p.distance
      FROM (SELECT {KEY}, version, min(distance) AS distance
              FROM measured WHERE (SELECT of_items FROM short)
             GROUP BY {KEY}, version ORDER BY distance, {KEY}) p
     {_join_item(where, context)}
     LIMIT {depth}
), vector_list AS MATERIALIZED (
    SELECT {KEY}, distance,
           row_number() OVER (ORDER BY tier, distance, {KEY}) AS rank
      FROM (SELECT {KEY}, min(distance) AS distance, 0 AS tier
              FROM kept GROUP BY {KEY}
            UNION ALL
            SELECT *, 1 FROM first WHERE NOT (SELECT of_items FROM short)
            UNION ALL
            SELECT *, 1 FROM all_measured) found
     ORDER BY tier, distance, {KEY} LIMIT {depth}
)"""


VECTOR_SPAN = """vector_span AS MATERIALIZED (
    -- The farthest that was measured, or that the index gave: the same on every page.
    SELECT (SELECT min(distance) FROM vector_list) AS near,
           coalesce((SELECT max(distance) FROM kept), (SELECT max(distance) FROM measured)) AS far,
           -- What the index passed by is measured for deep pages alone, so it is not scaled.
           (SELECT nullif(count(DISTINCT (k.user_id, k.namespace, k.key)), 0) FROM kept k)
               AS indexed
)"""
"""The CTE of the distances between which those of `vector_list` are scaled.

`indexed`: the items, the first of the list, that the index gave; null if all were measured.
"""


def nearness_sql(distance: str) -> str:
    """Return a distance scaled by `vector_span`: 1 for the nearest, 0 for the farthest."""
    return f"""(SELECT greatest(coalesce((far - {distance}) / nullif(far - near, 0), 1), 0)
               FROM vector_span)"""


def _join_item(where: str, context: SqlContext) -> str:
    """Return the join of parts `p` to their item in scope, if they are of its present version."""
    return f"""CROSS JOIN LATERAL (
            SELECT 1 FROM {context.tables.item} i
             WHERE {same_key("i", "p")} AND i.version = p.version AND {where} OFFSET 0) i"""


def _measured(region: str, items: str, where: str, context: SqlContext) -> str:
    """Return the SELECT of the distances of all parts in scope, without those kept already."""
    distance = distance_sql(context).exact
    beside = context.either("", f" AND {region}")
    return f"""SELECT v.user_id, v.namespace, v.key, v.version, {distance} AS distance
      FROM {context.vectors} v
     WHERE {region} AND v.embedding IS NOT NULL
       AND (SELECT measured AND NOT selective FROM way CROSS JOIN sampled)
       AND (v.user_id, v.namespace, v.key) NOT IN (SELECT n.user_id, n.namespace, n.key FROM kept n)
    UNION ALL
    -- Where few pass the filter, no vectors but theirs are read.
    SELECT v.user_id, v.namespace, v.key, v.version, {distance}
      FROM (SELECT i.user_id, i.namespace, i.key, i.version FROM {context.tables.item} i
             WHERE (SELECT selective FROM sampled) AND {items} AND {where} OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT * FROM {context.vectors} v
            WHERE {same_key("v", "i")}
              AND v.version = i.version AND v.embedding IS NOT NULL{beside} OFFSET 0) v"""


def _sampled(items: str, filter: str | None, context: SqlContext) -> str:
    """Return CTE `sampled`: whether few of a sample of the items in scope pass the filter."""
    if filter is None:
        return "sampled AS MATERIALIZED (SELECT false AS selective),\n"
    return f"""sampled AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE {filter}) * 10 < count(*) AS selective
      FROM (SELECT i.value FROM {context.tables.item} i WHERE {items}
             -- In one order: all pages of a search must come to the same view.
             ORDER BY i.user_id, i.namespace, i.key LIMIT {SAMPLE}) i
), """


def _near(region: str, where: str, need: str, context: SqlContext) -> str:
    """Return CTEs `kept`, the finds of the approximate index if they suffice, and `way`."""
    if not context.approximate:
        return _ALWAYS_MEASURED
    index = context.vector_index
    pool = POOL_OF_BITS if index.indexed_as == "bit" else VECTOR_POOL
    sql = distance_sql(context)
    beside = context.either("", f" AND {region}")
    return f"""gate AS MATERIALIZED (
    SELECT NOT selective AND EXISTS (
               SELECT 1 FROM {context.vectors} v
                WHERE {region} OFFSET {_exact_up_to(index, context)}) AS large,
           {_index_settings(index, pool)}
      FROM sampled
), near AS MATERIALIZED (
    SELECT p.user_id, p.namespace, p.key, p.distance
      FROM gate
     CROSS JOIN LATERAL (
           SELECT v.user_id, v.namespace, v.key, {sql.exact} AS distance
             FROM {context.vectors} v
            -- Within CASE no index serves the condition, and the planner takes it for a frequent
            -- one: so it goes by the order, which only the approximate index has.
            WHERE gate.large{beside} AND CASE WHEN {region} THEN EXISTS (
                  SELECT 1 FROM {context.tables.item} i
                   WHERE {same_key("i", "v")}
                     AND i.version = v.version AND {where} OFFSET 0) ELSE false END
            ORDER BY {sql.indexed} LIMIT {pool}) p
), found AS MATERIALIZED (
    SELECT gate.large, (SELECT count(*) FROM near) = {pool} AS full_pool,
           (SELECT count(DISTINCT (n.user_id, n.namespace, n.key)) FROM near n) < {need} AS deep
      FROM gate
), way AS MATERIALIZED (
    SELECT NOT (large AND full_pool) OR deep AS measured,
           CASE WHEN selective THEN 'selective' WHEN NOT large THEN 'exact'
                WHEN NOT full_pool THEN 'retry' WHEN deep THEN 'index and exact'
                ELSE 'index' END AS name
      FROM found CROSS JOIN sampled
), kept AS MATERIALIZED (
    SELECT * FROM near WHERE (SELECT large AND full_pool FROM found)
),"""


def _exact_up_to(index: VectorIndex, context: SqlContext) -> str:
    """Return the largest scope to measure, in parts.

    Measuring costs as much as the scope is large; the index, as the scope is rare in the table.

    So they meet at a scope that grows with the root of the table.
    """
    if index.exact_up_to is not None:
        return str(index.exact_up_to)
    by_size = f"""(
        SELECT greatest({LEAST_EXACT},
                        sqrt({INDEX_COST * VECTOR_POOL} * greatest(c.reltuples, 0)))::bigint
          FROM pg_class c WHERE c.oid = '{context.vectors.replace("'", "''")}'::regclass)"""
    # A node of several knows the size of its own part alone.
    return context.either(by_size, str(LEAST_EXACT))


def _index_settings(index: VectorIndex, pool: int) -> str:
    """Return settings of the index for this statement alone, also behind a connection pooler."""
    if index.kind == "hnsw":
        settings = {
            "hnsw.ef_search": str(min(pool, 1000)),
            "hnsw.iterative_scan": "relaxed_order",
            "hnsw.scan_mem_multiplier": "4",
        }
    else:
        settings = {
            "ivfflat.probes": str(index.nprobes),
            "ivfflat.iterative_scan": "relaxed_order",
        }
    return ",\n           ".join(
        f"set_config('{name}', '{value}', true) AS s{n}"
        for n, (name, value) in enumerate(settings.items())
    )


def way_and_reason(code: str, context: SqlContext) -> tuple[str, str]:
    """Return the name of the way that the statement reported, and the reason for it."""
    if code == "selective":
        return "exact", "few items in scope pass the filter, so the parts of these were measured"
    return code, _reason(code, context)


def _reason(way: str, context: SqlContext) -> str:
    index = context.vector_index
    if way == "exact":
        return _why_exact(index, context.approximate)
    pool = POOL_OF_BITS if index.indexed_as == "bit" else VECTOR_POOL
    limit = _limit(index)
    reasons = {
        "index": f"many parts are in scope{limit}, so the {index.kind} index "
        f"gave its {pool} nearest of them, which were then ordered exactly",
        "retry": f"the {index.kind} index came short of {pool} parts that are in scope and pass "
        "the filter, so all were measured",
        "index and exact": f"the page reaches beyond the {pool} nearest parts, which the "
        f"{index.kind} index gave; the rest were measured",
    }
    return reasons[way]


def _why_exact(index: VectorIndex, approximate: bool) -> str:
    if approximate:
        limit = _limit(index)
        return f"few parts are in scope{limit}, so all were measured"
    if index.kind == "flat":
        return "the index is flat, so all parts in scope were measured"
    if index.indexed_as is None:
        return f"pgvector has no index for {index.dims} dimensions of type {index.vector_type!r}"
    return f"there is no {index.kind} index yet; setup() makes it"


def _limit(index: VectorIndex) -> str:
    return "" if index.exact_up_to is None else f" (the limit is {index.exact_up_to})"

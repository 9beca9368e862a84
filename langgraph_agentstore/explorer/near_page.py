"""The nearest neighbors of an item: what a search by its own vector finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.store.base import SearchOp
from starlette.responses import HTMLResponse, Response

from ..model.users import SHARED, Region, UserScope
from ..results import ScoredItem
from ..sql.filters import parse_filter
from ..sql.search.hybrid import plan_query
from ..sql.search.options import QueryOptions
from ..sql.search.vector_codec import vector_bytes
from ..sql.statement import Query
from ..tools.namespace_paths import UserNamespace
from ..tools.printable import safe_json
from .item_page import record_of_visit
from .map_sql import plan_vector_of
from .rendering import rendered
from .visit import Visit
from .words_sql import scope_size_query

MOST_NEIGHBORS = 10


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An item near another one. `score`: as the index measures, higher is nearer."""

    place: UserNamespace
    key: str
    score: float
    text: str


def show_neighbors(visit: Visit) -> Response:
    """Show the items of the same user that are nearest to an item; a part of the item's page."""
    record_of_visit(visit)
    place, key = visit.place, visit.asked("k")
    index = visit.store.planner.context.index
    regions = (place.own_region if place.user_id == SHARED else Region(place.user_id, ()),)
    neighbors, reason = None, "This item has no vector."
    if index is not None and index.vectors is not None:
        if visit.store.executor.run(scope_size_query(regions)).is_measured_in_time:
            neighbors = _neighbors_of(visit, place, key)
        else:
            reason = "There are too many items here to measure without an index of vectors."
    return HTMLResponse(
        rendered(
            visit,
            "near.html" if visit.is_part else "near_page.html",
            place=place,
            key=key,
            neighbors=neighbors,
            reason=reason,
            measure="" if index is None or index.vectors is None else index.vectors.distance,
        )
    )


def _neighbors_of(visit: Visit, place: UserNamespace, key: str) -> list[Neighbor] | None:
    """Return the nearest items but for the item itself; None if it has no vector."""
    run, users = visit.store.executor.run, (place.user_id,)
    vector: list[float] | None = run(
        Query(
            None,
            lambda context, _: plan_vector_of(place.item_id(key), context),
            users=users,
            kind="get_vector",
        )
    )
    if vector is None:
        return None
    # Of the shared space, the nearest are looked for in the item's namespace and below.
    op = SearchOp(place.labels if place.user_id == SHARED else (), limit=MOST_NEIGHBORS + 1)
    planned: Query[list[ScoredItem]] = Query(
        None,
        lambda context, _: plan_query(
            op,
            parse_filter({}),
            QueryOptions("vector"),
            vector_bytes(vector, context.vector_index),
            UserScope(place.user_id),
            context,
        ),
        users=users,
        kind="search_vector",
    )
    found: list[Any] = run(planned)
    others = [each for each in found if (each.namespace, each.key) != (place.labels, key)]
    return [
        Neighbor(
            UserNamespace(place.user_id, each.namespace),
            each.key,
            each.score,
            safe_json(each.value),
        )
        for each in others[:MOST_NEIGHBORS]
    ]

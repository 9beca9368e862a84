"""The overview: how much there is, about, and how it grew."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..tools.namespace_paths import UserNamespace
from ..tools.store_size_sql import TableSize, plan_stored_search, plan_table_sizes
from .growth_sql import GrowthSample, plan_growth
from .rendering import rendered
from .users_sql import plan_number_of_users
from .visit import Visit, query_of

MOST_COUNTED_USERS = 1_000
"""Counting users ends here."""

_POINTS = 60


def show_overview(visit: Visit) -> Response:
    """Show sizes of the whole store; a visitor of one user sees that user."""
    if visit.access.user_id is not None:
        base = visit.request.scope.get("root_path", "")
        place = UserNamespace(visit.access.user_id, ())
        return RedirectResponse(f"{base}/user?{query_of(place)}", 303)
    store = visit.whole_store
    run, context = store.executor.run, store.planner.context
    readiness, sizes = store.ready(), run(plan_table_sizes(context))
    items = _rows_of(sizes, "item")
    return HTMLResponse(
        rendered(
            visit,
            "overview.html",
            readiness=readiness,
            schema=context.tables.schema,
            users=run(plan_number_of_users(context, MOST_COUNTED_USERS + 1)),
            most_users=MOST_COUNTED_USERS,
            items=items,
            vectors=sum(size.rows for size in sizes if size.table.startswith("item_vector_")),
            bytes=sum(size.table_bytes + size.index_bytes for size in sizes),
            sizes=sizes,
            search=run(plan_stored_search(context)),
            growth=growth_curve(run(plan_growth(context, items))),
        )
    )


def _rows_of(sizes: list[TableSize], table: str) -> int:
    return next((size.rows for size in sizes if size.table == table), 0)


@dataclass(frozen=True, slots=True)
class GrowthCurve:
    """The number of items over time: seconds since 1970, and about how many there were."""

    seconds: list[float]
    items: list[int]

    @property
    def as_json(self) -> str:
        """The two series, for the chart."""
        return json.dumps([self.seconds, self.items])


def growth_curve(sample: GrowthSample) -> GrowthCurve:
    """Return the curve of a sample, in at most 60 steps of equal time."""
    moments = [moment.timestamp() for moment in sample.created_at]
    if not moments:
        return GrowthCurve([], [])
    first, last = moments[0], moments[-1]
    step = max((last - first) / _POINTS, 1.0)
    seconds, items, n = [], [], 0
    at = first
    while True:
        while n < len(moments) and moments[n] <= at:
            n += 1
        seconds.append(at)
        items.append(round(n / sample.share))
        if at >= last:
            return GrowthCurve(seconds, items)
        at = min(at + step, last)

"""The map of a user's memories: a point for each, where alike ones mostly lie near each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from ..model.namespaces import Labels
from ..sql.statement import Query
from ..store.memory_map import projected
from ..store.notebook_sql import MappedItem
from ..tools.namespace_paths import UserNamespace
from .map_sql import MOST_PLACES_OF_A_MAP, MOST_POINTS, plan_points
from .rendering import rendered
from .visit import Visit

COLORS = 8
"""Namespaces with a color of their own, the largest; the others share one more."""

_MOST_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class MapPoint:
    """An item at its place of the map, `x` and `y` from 0 to 1000."""

    x: int
    y: int
    color: int
    item: MappedItem


@dataclass(frozen=True, slots=True)
class MapGroup:
    """The points of one namespace; `labels` None: of all namespaces without a color."""

    labels: Labels | None
    color: int
    points: int


def show_map(visit: Visit) -> Response:
    """Show the map of what is at or below a namespace of a user."""
    place = visit.place
    index = visit.store.planner.context.index
    most = 0 if index is None or index.vectors is None else most_points(index.vectors.dims)
    found = _points_of(visit, place, most) if most else []
    points, groups = colored_points(found[:most])
    return HTMLResponse(
        rendered(
            visit,
            "map.html",
            place=place,
            has_vectors=most > 0,
            points=points,
            groups=groups,
            is_cut=len(found) > most,
            most_places=MOST_PLACES_OF_A_MAP,
        )
    )


def most_points(dims: int) -> int:
    """Return how many points a map has at most: fewer of long vectors, which take long to read."""
    return min(MOST_POINTS, max(1, _MOST_NUMBERS // dims))


def _points_of(visit: Visit, place: UserNamespace, most: int) -> list[MappedItem]:
    # Only an open store knows its vectors, so the statement is planned there.
    planned: Query[list[MappedItem]] = Query(
        None,
        lambda context, _: plan_points(context, place.user_id, place.labels, most + 1),
        users=(place.user_id,),
        kind="list_map",
    )
    return visit.store.executor.run(planned)


def colored_points(items: Sequence[MappedItem]) -> tuple[list[MapPoint], list[MapGroup]]:
    """Return the points of items, and their groups by namespace, the largest first."""
    sizes = Counter(item.labels for item in items).most_common()
    groups = [MapGroup(labels, n, size) for n, (labels, size) in enumerate(sizes[:COLORS])]
    if rest := sum(size for _, size in sizes[COLORS:]):
        groups.append(MapGroup(None, COLORS, rest))
    colors = {group.labels: group.color for group in groups}
    placed = projected([item.vector for item in items])
    across = _stretched([x for x, _ in placed])
    down = _stretched([-y for _, y in placed])
    points = [
        MapPoint(x, y, colors.get(item.labels, COLORS), item)
        for item, x, y in zip(items, across, down, strict=True)
    ]
    return points, groups


def _stretched(numbers: Sequence[float]) -> list[int]:
    """Return the numbers with the least at 0 and the largest at 1000; in the middle if equal."""
    least, largest = min(numbers, default=0.0), max(numbers, default=0.0)
    if least == largest:
        return [500] * len(numbers)
    return [round(1000 * (number - least) / (largest - least)) for number in numbers]

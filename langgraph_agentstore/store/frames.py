"""Items as tables: `to_pandas`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langgraph.store.base import Item, SearchOp

from .._support.optional import imported
from ..model.checks import check_whole
from ..model.namespaces import Labels, check_labels
from ..sql.items.pages import plan_page
from ..sql.statement import ItemId
from .base import StoreBase
from .step_driver import Steps, arun, run

FRAME_PAGE_SIZE = 1000
FOUND_AT_MOST = 100
"""Rows of a query that names no limit."""


class Frames(StoreBase):
    """Methods that return items as a DataFrame."""

    def to_pandas(
        self,
        prefix: Labels = (),
        *,
        filter: Mapping[str, Any] | None = None,
        query: str | None = None,
        limit: int | None = None,
    ) -> Any:
        """Return the items at or below a namespace as a `pandas.DataFrame`, a row each.

        The columns are `label_1`, `label_2`, … of the namespace, `key`, `created_at`, `updated_at`,
        with a query `score`, and the fields of the values. The fields of a nested object are
        columns of their own, such as `address.city`; a list stays one cell. A field that is named
        as one of the other columns is found under `value.`, such as `value.key`.

        Args:
            prefix: the namespace.
            filter: only items that pass it.
            query: only what a search finds, best first. Expiries stay unchanged.
            limit: the maximum number of rows. None: all items; with a query, 100.

        Raises:
            MissingExtraError: pandas is not installed.
            InvalidFilterError: the filter is malformed.
        """
        return run(self._framing(prefix, filter, query, limit), self.executor)

    async def ato_pandas(
        self,
        prefix: Labels = (),
        *,
        filter: Mapping[str, Any] | None = None,
        query: str | None = None,
        limit: int | None = None,
    ) -> Any:
        """Async form of `to_pandas`."""
        return await arun(self._framing(prefix, filter, query, limit), self.executor)

    def _framing(
        self, prefix: Labels, filter: Mapping[str, Any] | None, query: str | None, limit: int | None
    ) -> Steps[Any]:
        pandas = imported("pandas", "notebook")
        if limit is not None:
            check_whole("limit", limit, 0)
        if query is None:
            items = yield from self._reading(prefix, filter, limit)
        else:
            most = FOUND_AT_MOST if limit is None else limit
            asked = dict(filter) if filter else None
            items = yield self.planner.plan(SearchOp(prefix, asked, most, 0, query, False))
        rows = [_frame_row(item) for item in items]
        depth = max((len(item.namespace) for item in items), default=0)
        labels = [f"label_{n}" for n in range(1, depth + 1)]
        names = [name for row in rows for name in row]
        columns = dict.fromkeys([*labels, "key", "created_at", "updated_at", *names])
        return pandas.DataFrame(rows, columns=[*columns])

    def _reading(
        self, prefix: Labels, filter: Mapping[str, Any] | None, limit: int | None
    ) -> Steps[list[Item]]:
        planner = self.planner
        regions, parsed = (
            planner.scope.regions(check_labels(prefix)),
            planner.filter(filter, prefix),
        )
        items: list[Item] = []
        after: ItemId | None = None
        while limit is None or len(items) < limit:
            size = min(FRAME_PAGE_SIZE, FRAME_PAGE_SIZE if limit is None else limit - len(items))
            page = yield plan_page(regions, parsed, after, size, planner.scope, planner.context)
            items += [item for _, item in page]
            if len(page) < size:
                break
            after = page[-1][0]
        return items


def _frame_row(item: Item) -> dict[str, Any]:
    row: dict[str, Any] = {f"label_{n}": label for n, label in enumerate(item.namespace, 1)}
    row |= {"key": item.key, "created_at": item.created_at, "updated_at": item.updated_at}
    if hasattr(item, "score"):
        row["score"] = item.score
    for name, value in _flattened(item.value, ""):
        row[f"value.{name}" if name in row else name] = value
    return row


def _flattened(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, Mapping) and part:
            yield from _flattened(part, f"{above}{name}.")
        else:
            yield f"{above}{name}", part

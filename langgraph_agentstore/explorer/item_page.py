"""One item: its value, and everything that is known about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from ..data_store.administration import DataStoreAdministration
from ..data_store.models import DataStoreRecord
from ..errors import InvalidNamespaceError
from ..model.value_changes import value_changes
from ..security.history.entries import HistoryEntry
from ..tools.printable import safe_json, several_lines
from .found_by_sql import FoundBy, found_by_query
from .rendering import rendered
from .visit import PageRefusedError, Visit

MOST_CHANGES = 20
MOST_PARTS = 20
"""Parts of a value whose change is shown."""

LONGEST_SHOWN = 20_000
"""Characters of a value on the page; the rest is a click away."""


def show_item(visit: Visit) -> Response:
    """Show an item."""
    found = record_of_visit(visit)
    index = visit.store.planner.context.index
    text = several_lines(safe_json(found.value, indent=2))
    return HTMLResponse(
        rendered(
            visit,
            "item.html",
            place=visit.place,
            key=visit.asked("k"),
            record=found,
            text=text[:LONGEST_SHOWN],
            characters=len(text),
            is_cut=len(text) > LONGEST_SHOWN,
            changes=_changes_of(visit),
            has_vectors=index is not None and index.vectors is not None,
            found_by=None if index is None else _found_by(visit),
            metadata=several_lines(safe_json(found.metadata, indent=2)),
        )
    )


def _found_by(visit: Visit) -> FoundBy | None:
    return visit.store.executor.run(found_by_query(visit.place.item_id(visit.asked("k"))))


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A part of a value that changed, as texts; None where there was none."""

    where: str
    before: str | None
    after: str | None


def _changes_of(visit: Visit) -> list[tuple[HistoryEntry, list[ShownChange]]]:
    """Return the latest changes of the item, each with the parts that differ."""
    place, key = visit.place, visit.asked("k")
    try:
        entries = visit.view_of(place.user_id).history(place.labels, key, limit=MOST_CHANGES)
    except InvalidNamespaceError:  # data_store has namespaces that no LangGraph method takes
        return []
    return [(entry, list(islice(_shown_changes(entry), MOST_PARTS))) for entry in entries]


def _shown_changes(entry: HistoryEntry) -> Iterator[ShownChange]:
    if entry.operation != "put" or entry.replaced is None:
        return
    for change in value_changes(entry.replaced.value, entry.value):
        where = ".".join(map(str, change.path)) or "(the whole value)"
        before = None if change.kind == "added" else safe_json(change.before)
        after = None if change.kind == "removed" else safe_json(change.after)
        yield ShownChange(where, before, after)


def show_whole_value(visit: Visit) -> Response:
    """Show a value of any size as text alone."""
    text = several_lines(safe_json(record_of_visit(visit).value, indent=2))
    return PlainTextResponse(text)


def record_of_visit(visit: Visit) -> DataStoreRecord:
    """Return the item that the address names.

    Raises:
        PageRefusedError: there is none.
    """
    place, key = visit.place, visit.asked("k")
    if not key:
        raise PageRefusedError(400, "The address names no key.")
    found = DataStoreAdministration(visit.store).record(place.user_id, place.labels, key)
    if found is None:
        raise PageRefusedError(404, "There is no such item. It may have been deleted, or expired.")
    return found

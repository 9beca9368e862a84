"""One item: its value, and everything that is known about it."""

from __future__ import annotations

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from ..data_store.administration import DataStoreAdministration
from ..data_store.models import DataStoreRecord
from ..tools.printable import safe_json, several_lines
from .rendering import rendered
from .visit import PageRefusedError, Visit

LONGEST_SHOWN = 20_000
"""Characters of a value on the page; the rest is a click away."""


def show_item(visit: Visit) -> Response:
    """Show an item."""
    found = record_of_visit(visit)
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
            metadata=several_lines(safe_json(found.metadata, indent=2)),
        )
    )


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

"""Changes of items by those who may write: an edit over the version that was seen, a removal."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..model.checks import check_whole
from ..tools.printable import safe_json
from ..tools.removal import Removal, planned_removal, remove
from .item_page import record_of_visit
from .rendering import rendered
from .visit import PageRefusedError, Visit, query_of

LONGEST_EDITED = 1_000_000
"""Characters of a value that a page lets be edited."""


def show_editor(visit: Visit) -> Response:
    """Show the form that changes an item."""
    visit.check_may_write()
    found = record_of_visit(visit)
    text = safe_json(found.value, indent=2)
    if len(text) > LONGEST_EDITED:
        raise PageRefusedError(400, f"A value of {len(text):,} characters is too long for a form.")
    return _editor(visit, text, found.version)


def save_item(visit: Visit) -> Response:
    """Write the value of the form over the version that the form was made of."""
    place, key, text = visit.place, visit.asked("k"), visit.asked("value")
    try:
        version = check_whole("version", int(visit.asked("version")), 1)
        value: Any = orjson.loads(text)
    except ValueError as error:
        return _editor(visit, text, visit.asked("version"), f"The value is not JSON: {error}")
    if not isinstance(value, dict):
        return _editor(visit, text, version, "The value is a JSON object, within braces.")
    visit.view_of(place.user_id).put(place.labels, key, value, expected_version=version)
    return _went_to(visit, f"/item?{query_of(place, key)}")


def _editor(visit: Visit, text: str, version: int | str, problem: str = "") -> Response:
    page = rendered(
        visit,
        "edit.html",
        place=visit.place,
        key=visit.asked("k"),
        text=text,
        version=version,
        problem=problem,
    )
    return HTMLResponse(page, 400 if problem else 200)


def show_removal(visit: Visit) -> Response:
    """Show what would be removed, and ask."""
    visit.check_may_write()
    removal = _removal_of(visit)
    return HTMLResponse(
        rendered(visit, "remove.html", place=visit.place, key=visit.asked("k"), removal=removal)
    )


def remove_item(visit: Visit) -> Response:
    """Remove the item of the form."""
    remove(visit.store, _removal_of(visit))
    return _went_to(visit, f"/user?{query_of(visit.place)}")


def _removal_of(visit: Visit) -> Removal:
    place, key = visit.place, visit.asked("k")
    if not key:
        raise PageRefusedError(400, "The address names no key.")
    removal = planned_removal(visit.store, place, key)
    if not removal.items:
        raise PageRefusedError(404, "There is no such item any more.")
    return removal


def _went_to(visit: Visit, address: str) -> Response:
    return RedirectResponse(visit.request.scope.get("root_path", "") + address, 303)

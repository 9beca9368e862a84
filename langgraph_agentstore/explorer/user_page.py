"""One user: the namespaces as a tree, and the items of a namespace as a table."""

from __future__ import annotations

import json
from datetime import datetime

from starlette.responses import HTMLResponse, Response

from ..errors import InvalidFilterError
from ..model.users import SHARED
from ..tools.filter_text import read_filter
from ..tools.listing import ListedPage, listed_page, listed_part, namespaces_below
from ..tools.listing_sql import Cursor, ListedPart, ListingOrder
from ..tools.namespace_paths import USERS_LABEL, UserNamespace
from .rendering import rendered
from .visit import ROWS_ON_A_PAGE, PageRefusedError, Visit

MOST_LOOKED_AT = 10_000
"""Items that a filter is tried on for one page."""

MOST_BRANCHES = 200
"""Namespaces that a branch of the tree shows; it says if there are more."""


def show_user(visit: Visit) -> Response:
    """Show a namespace of a user: what is below it, and a page of its items."""
    place = visit.place
    filters = [line for line in visit.asked("filter").splitlines() if line.strip()]
    order = _order_of(visit)
    exactly = order.is_by_time or visit.asked("below") == "no"
    problem, page = None, ListedPage([], None)
    try:
        part = _part_of_user(place, filters, exactly, order)
        page = listed_page(
            visit.store, part, cursor_of(visit), ROWS_ON_A_PAGE, most_looked_at=MOST_LOOKED_AT
        )
    except InvalidFilterError as error:
        problem = str(error)
    return HTMLResponse(
        rendered(
            visit,
            "user.html",
            place=place,
            branches=branches_of(visit, place),
            most_branches=MOST_BRANCHES,
            page=page,
            next=None if page.next is None else cursor_text(page.next),
            filter="\n".join(filters),
            problem=problem,
            order=order,
            orders=ListingOrder,
            exactly=exactly,
            most_looked_at=MOST_LOOKED_AT,
            is_first=visit.asked("after") == "",
        )
    )


def show_branches(visit: Visit) -> Response:
    """Show the namespaces one label below a namespace, for the tree."""
    place = visit.place
    return HTMLResponse(
        rendered(
            visit, "branches.html", branches=branches_of(visit, place), most_branches=MOST_BRANCHES
        )
    )


def branches_of(visit: Visit, place: UserNamespace) -> list[UserNamespace]:
    """Return the namespaces one label below; of the shared space, without those of users."""
    # One more than are shown, and the namespace itself, which may hold items.
    found = namespaces_below(visit.store, place, MOST_BRANCHES + 2)
    if place.user_id != SHARED:
        return found
    return [below for below in found if below.user_id == SHARED and below.labels != (USERS_LABEL,)]


def _part_of_user(
    place: UserNamespace, filters: list[str], exactly: bool, order: ListingOrder
) -> ListedPart:
    part = listed_part(place, read_filter(filters), exactly=exactly, order=order)
    # The shared space is one user here, not everything.
    return ListedPart((place.own_region,), part.filter, part.exactly, order)


def _order_of(visit: Visit) -> ListingOrder:
    given = visit.asked("sort") or ListingOrder.BY_KEY.value
    try:
        return ListingOrder(given)
    except ValueError:
        raise PageRefusedError(400, "The address names no order of items.") from None


def cursor_text(cursor: Cursor) -> str:
    """Return a cursor for an address."""
    return json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in cursor])


def cursor_of(visit: Visit) -> Cursor | None:
    """Return the cursor of an address; None at the beginning.

    Raises:
        PageRefusedError: it is none, or of an item that the visitor may not see.
    """
    text = visit.asked("after")
    if not text:
        return None
    try:
        given = json.loads(text)
        assert all(isinstance(part, str) and "\x00" not in part for part in given)
        if _order_of(visit).is_by_time:
            at, key = given
            return datetime.fromisoformat(at), key
        user_id, namespace, key = given
    except (ValueError, TypeError, AssertionError):
        raise PageRefusedError(400, "The address names no place in this listing.") from None
    return visit.allowed(user_id), namespace, key

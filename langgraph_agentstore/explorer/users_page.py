"""The users, page by page."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from ..model.json_values import check_text
from .rendering import rendered
from .users_sql import MOST_ITEMS, MOST_PLACES, plan_users
from .visit import ROWS_ON_A_PAGE, Visit


def show_users(visit: Visit) -> Response:
    """Show the next users, with about how much each has."""
    store = visit.whole_store
    prefix, after = visit.asked("q"), visit.asked("after") if visit.names("after") else None
    check_text(prefix, "the beginning of the user")
    if after is not None:
        check_text(after, "after")
    plan = plan_users(store.planner.context, prefix=prefix, after=after, limit=ROWS_ON_A_PAGE + 1)
    found = store.executor.run(plan)
    return HTMLResponse(
        rendered(
            visit,
            "users.html",
            users=found[:ROWS_ON_A_PAGE],
            next=found[ROWS_ON_A_PAGE - 1].user_id if len(found) > ROWS_ON_A_PAGE else None,
            prefix=prefix,
            is_first=after is None,
            most_items=MOST_ITEMS,
            most_places=MOST_PLACES,
        )
    )

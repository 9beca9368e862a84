"""Conversations as chats: the threads of a user, and the turns of one by day."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import groupby, islice

from starlette.responses import HTMLResponse, Response

from ..conversations import ConversationMemory
from ..conversations.postgres_turn_store import CONVERSATIONS
from ..conversations.sql import plan_threads_of_part
from ..conversations.turns import summary
from ..model.json_values import check_text
from ..model.users import SHARED, Address
from ..tools.moments import read_moment
from ..tools.namespace_paths import UserNamespace
from .rendering import rendered
from .visit import PageRefusedError, Visit

MOST_TURNS_GROUPED = 5_000
"""Turns that are grouped into threads for one page."""

_TURNS = 100


def show_chats(visit: Visit) -> Response:
    """Show the threads of a user, and one of them from a moment on."""
    user_id, thread = visit.user_id, visit.asked("t")
    if user_id == SHARED:
        raise PageRefusedError(404, "Conversations belong to users.")
    memory, run = ConversationMemory(visit.store, user_id), visit.store.executor.run
    after = visit.asked("after")
    check_text(after, "after")
    rows, next_part = run(
        plan_threads_of_part(
            Address(user_id, CONVERSATIONS), after, MOST_TURNS_GROUPED, visit.store.planner.context
        )
    )
    threads = [summary(*row) for row in rows]
    since = visit.asked("since")
    from_ = read_moment(since, datetime.now(timezone.utc)) if since else None
    found = list(islice(memory.turns(thread, from_), _TURNS + 1)) if thread else []
    turns = found[:_TURNS]
    days = [(day, list(said)) for day, said in groupby(turns, lambda t: f"{t.timestamp:%Y-%m-%d}")]
    more = len(found) > _TURNS
    return HTMLResponse(
        rendered(
            visit,
            "chats.html",
            place=UserNamespace(user_id, ()),
            threads=threads,
            thread=thread,
            after=after,
            next_part=next_part,
            most_grouped=MOST_TURNS_GROUPED,
            days=days,
            next=(turns[-1].timestamp + timedelta(microseconds=1)).isoformat() if more else None,
        )
    )

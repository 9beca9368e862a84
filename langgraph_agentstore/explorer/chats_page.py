"""Conversations as chats: the threads of a user, and the turns of one by day."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby, islice

from starlette.responses import HTMLResponse, Response

from ..conversations import ConversationMemory
from ..model.users import SHARED
from ..tools.moments import read_moment
from ..tools.namespace_paths import UserNamespace
from .rendering import rendered
from .visit import PageRefusedError, Visit

MOST_THREADS = 200
_TURNS = 100


def show_chats(visit: Visit) -> Response:
    """Show the threads of a user, and one of them from a moment on."""
    user_id, thread = visit.user_id, visit.asked("t")
    if user_id == SHARED:
        raise PageRefusedError(404, "Conversations belong to users.")
    memory = ConversationMemory(visit.store, user_id)
    threads = memory.threads()
    since = visit.asked("since")
    from_ = read_moment(since, threads[0].last) if since and threads else None
    found = list(islice(memory.turns(thread, from_), _TURNS + 1)) if thread else []
    turns = found[:_TURNS]
    days = [(day, list(said)) for day, said in groupby(turns, lambda t: f"{t.timestamp:%Y-%m-%d}")]
    more = len(found) > _TURNS
    return HTMLResponse(
        rendered(
            visit,
            "chats.html",
            place=UserNamespace(user_id, ()),
            threads=threads[:MOST_THREADS],
            is_cut=len(threads) > MOST_THREADS,
            thread=thread,
            days=days,
            next=(turns[-1].timestamp + timedelta(microseconds=1)).isoformat() if more else None,
        )
    )

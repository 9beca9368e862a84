"""Search by vector, by words, or both side by side, and why each item was found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse, Response

from ..model.namespaces import Labels
from ..model.users import SHARED
from ..tools.filter_text import read_filter
from ..tools.namespace_paths import UserNamespace, namespace_of_labels
from ..tools.printable import one_line, safe_json
from .rendering import rendered
from .visit import Visit

MOST_HITS = 20
_LONGEST_TEXT = 320
_BEFORE_MATCH = 80

Marked = list[tuple[str, bool]]
"""A text in pieces, each with whether it is highlighted."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A found item, as the page shows it."""

    place: UserNamespace
    key: str
    text: Marked
    item: Any


@dataclass(frozen=True, slots=True)
class ResultList:
    """The result of a search in one mode; `problem` tells why there is none."""

    mode: str
    hits: list[Hit]
    way: str = ""
    reason: str = ""


def show_search(visit: Visit) -> Response:
    """Show what a query finds at or below a namespace; in everything, if no user is named."""
    everywhere = visit.access.user_id is None and not visit.names("u")
    place = None if everywhere else visit.place
    query, asked = visit.asked("q").strip(), visit.asked("mode") or "best"
    index = visit.store.planner.context.index
    modes: Sequence[str] = () if index is None else index.modes
    shown = ("vector", "text") if asked == "side" and len(modes) > 1 else (asked,)
    lists = [_result_list(visit, place, query, mode) for mode in shown] if query and modes else []
    return HTMLResponse(
        rendered(
            visit,
            "search.html",
            place=place,
            query=query,
            asked=asked,
            modes=modes,
            lists=lists,
            filter=visit.asked("filter"),
        )
    )


def _result_list(visit: Visit, place: UserNamespace | None, query: str, asked: str) -> ResultList:
    user_id = SHARED if place is None else place.user_id
    labels: Labels = () if place is None else place.labels
    view = visit.view_of(user_id)
    index = visit.store.planner.context.searched
    mode = index.mode if asked not in index.modes else asked
    filter = read_filter([line for line in visit.asked("filter").splitlines() if line.strip()])
    options: dict[str, Any] = {"query": query, "filter": filter, "limit": MOST_HITS}
    options["mode"] = mode
    items = view.search(labels, refresh_ttl=False, **options)
    how = view.explain_search(labels, **options)
    hits = [_hit(user_id, item) for item in items]
    return ResultList(mode, hits, how.way or "", how.reason or "")


def _hit(user_id: str, item: Any) -> Hit:
    place = UserNamespace(user_id, item.namespace)
    if user_id == SHARED:
        place = namespace_of_labels(item.namespace)
    words = getattr(item, "matched_words", None) or ()
    return Hit(place, item.key, marked(one_line(safe_json(item.value)), words), item)


def marked(text: str, words: Sequence[str]) -> Marked:
    """Return the part of a text around its first match, with the words highlighted.

    Words are found in their other forms too: those that begin alike.
    """
    stems = {re.escape(word.casefold()[: max(3, len(word) - 2)]) for word in words}
    if not stems:
        return [(text[:_LONGEST_TEXT], False)]
    matches = re.compile(rf"\b(?:{'|'.join(sorted(stems))})\w*", re.IGNORECASE)
    first = matches.search(text)
    start = 0 if first is None else max(0, first.start() - _BEFORE_MATCH)
    part = text[start : start + _LONGEST_TEXT]
    pieces: Marked = [("…", False)] if start else []
    at = 0
    for found in matches.finditer(part):
        pieces += [(part[at : found.start()], False), (found[0], True)]
        at = found.end()
    return [*pieces, (part[at:], False)]

"""Search by vector, by words, or both side by side, and why each item was found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse, Response

from ..model.namespaces import Labels
from ..model.users import SHARED, Scope
from ..sql.filters import parse_filter
from ..sql.sealing import sealed_filter
from ..sql.search.text import word_query
from ..tools.filter_text import read_filter
from ..tools.namespace_paths import UserNamespace, namespace_of_labels
from ..tools.printable import one_line, safe_json
from .rendering import rendered
from .visit import Visit
from .words_sql import MOST_CHOSEN, MOST_RANKED_WHOLE, plan_some_with_words, scope_size_query

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


@dataclass(frozen=True, slots=True)
class _Search:
    """A search of a page: where, for what, and with which filter."""

    user_id: str
    labels: Labels
    query: str
    filter: dict[str, Any] | None


def _result_list(visit: Visit, place: UserNamespace | None, query: str, asked: str) -> ResultList:
    search = _Search(
        SHARED if place is None else place.user_id,
        () if place is None else place.labels,
        query,
        read_filter([line for line in visit.asked("filter").splitlines() if line.strip()]),
    )
    context = visit.store.planner.context
    mode = context.searched.mode if asked not in context.searched.modes else asked
    regions = _scope_of(visit, search).regions(search.labels)
    size = visit.store.executor.run(scope_size_query(regions))
    if not size.is_large:
        return _found_list(visit, search, mode)
    if mode != "text" and size.is_measured_in_time:
        return _found_list(visit, search, "vector")
    if mode != "vector":
        return _chosen_list(visit, search)
    reason = f"more than {MOST_RANKED_WHOLE:,} items are here, and no index of their vectors"
    return ResultList(mode, [], "not searched", f"{reason}: choose a namespace")


def _found_list(visit: Visit, search: _Search, mode: str) -> ResultList:
    """Return what the store's own search finds."""
    view = visit.view_of(search.user_id)
    options: dict[str, Any] = {"query": search.query, "filter": search.filter, "limit": MOST_HITS}
    options["mode"] = mode
    items = view.search(search.labels, refresh_ttl=False, **options)
    how = view.explain_search(search.labels, **options)
    hits = [_hit(search.user_id, item) for item in items]
    return ResultList(mode, hits, how.way or "", how.reason or "")


def _chosen_list(visit: Visit, search: _Search) -> ResultList:
    """Return some items with the words, in bounded time."""
    context, scope = visit.store.planner.context, _scope_of(visit, search)
    user_id = None if search.user_id == SHARED else search.user_id
    plan = plan_some_with_words(
        word_query(search.query, context.searched.query_syntax),
        sealed_filter(parse_filter(search.filter or {}), context.sealing, user_id),
        scope.regions(search.labels),
        MOST_HITS,
        scope,
        context,
    )
    hits = [_hit(search.user_id, item) for item in visit.store.executor.run(plan)]
    reason = (
        f"more than {MOST_RANKED_WHOLE:,} items are here, so up to {MOST_CHOSEN:,} of those that "
        "have the words were ranked; choose a namespace to rank all"
    )
    return ResultList("text", hits, "some", reason)


def _scope_of(visit: Visit, search: _Search) -> Scope:
    """Return the scope of the view that is searched."""
    return visit.view_of(search.user_id).planner.scope


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

"""`agentstore search` and `agentstore watch`."""

from __future__ import annotations

import time
from enum import Enum
from typing import Annotated, Any

import orjson
import typer
from langgraph.store.base import SearchItem

from ..data_store import DataStore
from ..errors import ConfigurationError, InvalidNamespaceError
from ..model.namespaces import name_of
from ..model.users import SHARED
from ..results import Explanation
from ..tools.filter_text import read_filter
from ..tools.namespace_paths import UserNamespace, namespace_named, namespace_of_labels
from ..tools.printable import one_line, safe_json, several_lines
from .commands import (
    WORDS_INDEX,
    CommandRun,
    Filters,
    Limit,
    NamespaceArgument,
    OptionalNamespace,
    User,
)
from .output import TableColumn, note

_LONGEST_VALUE = 400


class Mode(str, Enum):
    """Tell how `search` finds items."""

    vector = "vector"
    text = "text"
    hybrid = "hybrid"


_FOUND = (
    TableColumn("score", "score", "number"),
    TableColumn("namespace", "namespace"),
    TableColumn("key", "key"),
    TableColumn("words", "words"),
    TableColumn("value", "value", "rest"),
)


def search(
    run: CommandRun,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The text to search for.")],
    namespace: OptionalNamespace = "",
    *,
    user: User = None,
    mode: Annotated[
        Mode | None, typer.Option(help="Vectors need a profile with an index; text needs none.")
    ] = None,
    filter: Filters = None,
    limit: Limit = 10,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell how it is run, and why.")
    ] = False,
) -> None:
    """Search the items at or below a namespace by meaning or by words."""
    place, condition = namespace_named(namespace, user), read_filter(filter or ())
    index = run.server.index
    if index is None and mode in (Mode.vector, Mode.hybrid):
        raise ConfigurationError(
            f"--mode {mode.value} embeds the query: name the model in a profile, such as "
            'index = {dims = 1536, embed = "openai:text-embedding-3-small"}'
        )
    store = run.reading(index or WORDS_INDEX)
    view: Any = store if place.user_id == SHARED else store.for_user(place.user_id)
    asked: dict[str, Any] = {"query": query, "filter": condition, "limit": limit or 1_000_000}
    asked["mode"] = None if mode is None else mode.value
    if explain:
        found = view.explain_search(place.labels, **asked)
        _show_explanation(run, found)
        return
    items = view.search(place.labels, refresh_ttl=False, **asked)
    run.output.rows(_FOUND, [_found_row(place, item, run.output.as_json) for item in items])
    if not items and not run.output.as_json:
        note("nothing found")


def _show_explanation(run: CommandRun, found: Explanation) -> None:
    how = {"way": found.way, "reason": found.reason}
    if run.output.as_json:
        run.output.line({**how, "sql": found.sql})
    else:
        run.output.facts(how)
        run.output.text(several_lines(found.sql))


def _found_row(place: UserNamespace, item: SearchItem, as_json: bool) -> dict[str, Any]:
    at = UserNamespace(place.user_id, item.namespace)
    if place.user_id == SHARED:
        at = namespace_of_labels(item.namespace)
    words = getattr(item, "matched_words", None)
    row = {
        "namespace": at.path,
        "key": item.key,
        "score": item.score,
        "similarity": getattr(item, "similarity", None),
        "words": words,
        "value": item.value,
    }
    if not as_json:
        row["words"] = " ".join(words or ())
        row["value"] = orjson.dumps(item.value).decode()[: 2 * _LONGEST_VALUE]
    return row


def watch(
    run: CommandRun,
    namespace: NamespaceArgument,
    *,
    user: User = None,
    prefix: Annotated[str | None, typer.Option(help="Only keys that begin so.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="End when nothing changed for so long.")
    ] = None,
) -> None:
    """Show the changes of a user's namespace as they happen, until Ctrl-C."""
    place = namespace_named(namespace, user)
    name = name_of(place.labels)
    if place.user_id == SHARED or name is None:
        raise InvalidNamespaceError(
            f"{place.path!r} cannot be watched: name a namespace of a user, such as "
            "users/alice/notes, without colons in its labels"
        )
    data = DataStore(run.store(), place.user_id, None, name)
    with data.watch(prefix, timeout_s=seconds) as changes:
        for change in changes:
            _show_change(run, place, change)


def _show_change(run: CommandRun, place: UserNamespace, change: Any) -> None:
    if run.output.as_json:
        row = {"at": change.at, "op": change.op, "namespace": place.path, "key": change.key}
        run.output.line({**row, "version": change.version, "value": change.value})
    else:
        at = time.strftime("%H:%M:%S", change.at.astimezone().timetuple())
        value = "" if change.op == "delete" else one_line(safe_json(change.value), _LONGEST_VALUE)
        run.output.text(f"{at}  {change.op:6}  {one_line(change.key, 60)}  {value}")
    run.output.flush()

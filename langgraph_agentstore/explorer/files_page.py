"""The files of an agent: the keys of a namespace as a tree of folders."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from ..files.sql import Space, plan_children
from ..model.namespaces import encode_labels
from ..tools.namespace_paths import UserNamespace
from .rendering import rendered
from .visit import PageRefusedError, Visit

DEFAULT_FILES = ("filesystem",)


def show_files(visit: Visit) -> Response:
    """Show the files and folders of one folder."""
    place = visit.place
    if not place.labels:
        place = UserNamespace(place.user_id, DEFAULT_FILES)
    folder = visit.asked("folder") or "/"
    if not folder.endswith("/") or "\x00" in folder:
        raise PageRefusedError(400, "The address names no folder.")
    space = Space(place.user_id, encode_labels(place.labels))
    context = visit.store.planner.context
    entries = visit.store.executor.run(plan_children(space, folder, "characters", context))
    parts = folder.strip("/").split("/") if folder != "/" else []
    above = [(part, "/" + "/".join(parts[: n + 1]) + "/") for n, part in enumerate(parts)]
    return HTMLResponse(
        rendered(
            visit, "files.html", place=place, folder=folder, entries=entries[:1_000], above=above
        )
    )

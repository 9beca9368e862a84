"""The files of an agent: the keys of a namespace as a tree of folders."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from ..files.sql import Space, plan_children_page
from ..model.namespaces import encode_labels
from ..tools.namespace_paths import UserNamespace
from .rendering import rendered
from .visit import PageRefusedError, Visit

DEFAULT_FILES = ("filesystem",)
FILES_ON_A_PAGE = 200


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
    after = visit.asked("after")
    if "\x00" in after or not after.startswith(folder if after else ""):
        raise PageRefusedError(400, "The address names no place in this folder.")
    plan = plan_children_page(space, folder, after, FILES_ON_A_PAGE + 1, "characters", context)
    entries = visit.store.executor.run(plan)
    parts = folder.strip("/").split("/") if folder != "/" else []
    above = [(part, "/" + "/".join(parts[: n + 1]) + "/") for n, part in enumerate(parts)]
    return HTMLResponse(
        rendered(
            visit,
            "files.html",
            place=place,
            folder=folder,
            entries=entries[:FILES_ON_A_PAGE],
            next=entries[FILES_ON_A_PAGE - 1].path if len(entries) > FILES_ON_A_PAGE else None,
            above=above,
        )
    )

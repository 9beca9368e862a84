"""Pages as HTML: whatever was stored becomes text in them, never markup."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._support.optional import imported
from ..model.namespaces import Labels
from ..model.users import SHARED
from ..tools.namespace_paths import UserNamespace
from ..tools.printable import bytes_text, count_text, one_line, several_lines
from .visit import Visit, named_labels, query_of

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


@cache
def templates() -> Environment:
    """Return the templates; they escape every value."""
    jinja = imported("jinja2", "ui")
    environment: Environment = jinja.Environment(
        loader=jinja.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "line": one_line,
        "lines": several_lines,
        "bytes": bytes_text,
        "when": moment_text,
        "user": user_text,
        "labels": lambda labels: one_line(named_labels(labels), 200),
        "counted": bounded_count_text,
    }
    environment.globals |= {
        "query_of": query_of,
        "place_of": place_of,
        "at": lambda place, depth: UserNamespace(place.user_id, place.labels[:depth]),
        "count_text": count_text,
    }
    return environment


def rendered(visit: Visit, template: str, /, **values: Any) -> str:
    """Return the HTML of a page."""
    request = visit.request
    base = request.scope.get("root_path", "")

    def here(path: str) -> str:
        return "aria-current=page" if request.url.path == base + path else ""

    return (
        templates()
        .get_template(template)
        .render(
            base=base,
            here=here,
            access=visit.access,
            form_token=request.scope["explorer_form_token"],
            **values,
        )
    )


def moment_text(moment: datetime | None) -> str:
    """Return a moment in UTC to the second; a dash for None."""
    if moment is None:
        return "–"
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def user_text(user_id: str) -> str:
    """Return the name of a user for a line."""
    return "(shared)" if user_id == SHARED else one_line(user_id, 80)


def bounded_count_text(number: int, most: int) -> str:
    """Return a count that ended at `most`: one more means that there are more."""
    return f"{number:,}" if number <= most else f"more than {most:,}"


def place_of(user_id: str, labels: Labels = ()) -> UserNamespace:
    """Return a namespace of a user."""
    return UserNamespace(user_id, labels)

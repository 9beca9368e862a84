"""Commands that read history, which stores with `history=` keep, and go back to it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any

import typer

from ..model.users import SHARED
from ..security.history.entries import HistoryEntry
from ..tools.moments import read_moment
from ..tools.namespace_paths import UserNamespace, namespace_named, namespace_of_labels
from ..tools.printable import count_text, safe_json
from .commands import CommandRun, Limit, NamespaceArgument, User
from .failures import Status, Stop
from .output import TableColumn, note

Moment = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="2026-01-31T12:00 (UTC), or 2h for hours ago.")
]

_HISTORY_COLUMNS = (
    TableColumn("changed_at", "when", "time"),
    TableColumn("operation", "what"),
    TableColumn("version", "version", "number"),
    TableColumn("key", "key"),
    TableColumn("by", "by"),
    TableColumn("value", "value", "rest"),
)


def history(
    run: CommandRun,
    namespace: NamespaceArgument,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The item's key.")] = None,
    *,
    user: User = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
) -> None:
    """Show the writes and deletes of an item, or at or below a namespace, newest first."""
    place = namespace_named(namespace, user)
    view = _view(run.reading(), place)
    from_, to = optional_moment(since), optional_moment(until)
    most = limit or 1_000_000
    if key is not None:
        entries = view.history(place.labels, key, limit=most, before=to)
        entries = [entry for entry in entries if from_ is None or entry.changed_at >= from_]
    else:
        entries = view.find_changes(place.labels, since=from_, until=to, limit=most)
    run.output.rows(_HISTORY_COLUMNS, (_change_row(place, e, run.output.as_json) for e in entries))
    if not entries:
        note("no changes are kept here: stores with history= keep them")


def optional_moment(text: str | None) -> datetime | None:
    """Return the moment of an option, or None."""
    return None if text is None else read_moment(text, datetime.now(timezone.utc))


def _view(store: Any, place: UserNamespace) -> Any:
    return store if place.user_id == SHARED else store.for_user(place.user_id)


def _change_row(place: UserNamespace, entry: HistoryEntry, as_json: bool) -> dict[str, Any]:
    at = UserNamespace(place.user_id, entry.namespace)
    if place.user_id == SHARED:
        at = namespace_of_labels(entry.namespace)
    said = entry.provenance.said
    row: dict[str, Any] = {
        "changed_at": entry.changed_at,
        "operation": entry.operation,
        "namespace": at.path,
        "key": entry.key,
        "version": entry.version,
        "role": entry.role,
        "provenance": said,
        "value": entry.value,
        "replaced": None if entry.replaced is None else entry.replaced.value,
    }
    if not as_json:
        row["by"] = " ".join(said.values()) or entry.role
        row["value"] = "" if entry.operation != "put" else safe_json(entry.value)
    return row


class AuditAction(str, Enum):
    """The actions of `audit`."""

    verify = "verify"
    seal = "seal"


def audit(
    run: CommandRun,
    action: Annotated[AuditAction, typer.Argument(help="verify the history, or seal it first.")],
    *,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="The head of an earlier verification.")
    ] = None,
) -> None:
    """Verify that no entry of history was altered, removed or slipped in.

    The exit status is 1 if one was. `audit seal` first seals what is not sealed yet.
    """
    if action is AuditAction.seal:
        run.store().audit_seal()
    report = run.reading().audit_verify(head=head, progress=True)
    run.output.facts({**asdict(report), "faults": [str(fault) for fault in report.faults]})
    if not report.is_intact:
        raise Stop(Status.NO, f"the history is not intact: {report.faults[0]}")


def restore_as_of(
    run: CommandRun, place: UserNamespace, as_of: datetime, *, yes: bool, dry_run: bool
) -> None:
    """Make the items at or below a namespace again what they were; without `yes`, only tell."""
    does = yes and not dry_run
    view = _view(run.writing((place.user_id,)) if does else run.reading(), place)
    report = view.restore(place.labels, as_of, dry_run=not does, progress=True)
    if dry_run:
        facts = {"would_put_back": report.put, "would_delete": report.deleted}
        run.output.facts({**facts, "unchanged": report.unchanged})
        return
    if not yes and (report.put or report.deleted):
        raise Stop(
            Status.NOT_CONFIRMED,
            f"would put back {count_text(report.put, 'item')} and delete {report.deleted:,} at or "
            f"below {place.path!r}; nothing is done without --yes",
        )
    facts = {"put_back": report.put, "deleted": report.deleted, "unchanged": report.unchanged}
    run.output.facts({**facts, "undo_as_of": report.undo_as_of.isoformat()})

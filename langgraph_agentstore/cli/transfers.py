"""Commands that move stores: to files, from files, between servers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import transfer
from ..errors import ConfigurationError
from ..langgraph_postgres.migration import Migrating
from ..langgraph_postgres.source import OfficialSource
from ..model.users import check_user_id
from ..sql.filters import parse_filter
from ..sql.items.pages import plan_count
from ..store.agent_store import AgentStore
from ..store.executor import Job
from ..tools.namespace_paths import UserNamespace, namespace_named
from ..tools.printable import count_text, one_line
from .change import ConflictOption, OnConflict
from .commands import CommandRun, OptionalNamespace, User, Yes
from .failures import Status, Stop
from .past import Moment, optional_moment, restore_as_of
from .server import chosen_server

File = Annotated[
    str, typer.Argument(metavar="FILE", help=".jsonl, .json, .csv, .yaml, .parquet; also .gz, .zst")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what it would do; do nothing.")]

_BACKUP_NAME = "agentstore-{:%Y%m%dT%H%M%SZ}.jsonl.gz"
_BACKUP = re.compile(r"agentstore-\d{8}T\d{6}Z\.jsonl\.gz")


def export_store(
    run: CommandRun,
    file: File,
    namespace: OptionalNamespace = "",
    *,
    user: User = None,
    dry_run: DryRun = False,
) -> None:
    """Write a store, or one user or namespace of it, to a file that can be verified."""
    place = namespace_named(namespace, user)
    store = run.reading()
    if dry_run:
        _report(run, "would write", _count(store, place), file=file)
        return
    manifest = transfer.export(store, file, **_selection(place), progress=True)
    _report(run, "wrote", manifest.records, file=file)


def _selection(place: UserNamespace) -> dict[str, Any]:
    if place.user_id:
        return {"user_id": place.user_id, "prefix": place.labels or None}
    return {"prefix": place.labels or None}


def _count(store: AgentStore, place: UserNamespace) -> int:
    statement = plan_count(place.regions, parse_filter({}), store.planner.context)
    return store.executor.run(statement)


def import_file(
    run: CommandRun,
    file: File,
    *,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Into this user's part.")] = None,
    on_conflict: ConflictOption = OnConflict.fail,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue after an interruption.")
    ] = False,
    foreign: Annotated[
        bool, typer.Option("--foreign", help="Also a file of the original data_store.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Verify a file and write its records into the store."""
    if dry_run:
        _report(run, "would write up to", transfer.verify(file, progress=True).records, file=file)
        return
    store: Any = run.writing()
    target = store if user is None else store.for_user(check_user_id(user))
    written = transfer.import_(
        target, file, on_conflict=on_conflict.value, resume=resume, foreign=foreign, progress=True
    )
    _report(run, "imported", written, file=file)


def verify_file(
    run: CommandRun,
    file: File,
) -> None:
    """Read a whole file and check its records against its manifest.

    It changes nothing, so it has no --dry-run.
    """
    manifest = transfer.verify(file, progress=True)
    if run.output.as_json:
        run.output.line({"file": file, "records": manifest.records, "sha256": manifest.sha256})
    else:
        run.output.text(f"intact: {manifest.records:,} records, exported {manifest.exported_at}")


def copy_store(
    run: CommandRun,
    namespace: OptionalNamespace = "",
    *,
    to: Annotated[str | None, typer.Option(help="The connection string of the target.")] = None,
    to_profile: Annotated[str | None, typer.Option(help="A profile of the target.")] = None,
    to_path: Annotated[
        str | None, typer.Option(help="The folder of a bundled Postgres as target.")
    ] = None,
    to_schema: Annotated[str | None, typer.Option(help="The schema of the target.")] = None,
    user: User = None,
    on_conflict: ConflictOption = OnConflict.fail,
    dry_run: DryRun = False,
) -> None:
    """Copy a store, or one user or namespace of it, to another server and compare."""
    if not any((to, to_profile, to_path, to_schema)):
        raise ConfigurationError("name the target: --to, --to-profile, --to-path or --to-schema")
    place = namespace_named(namespace, user)
    target_server = run.server
    if any((to, to_profile, to_path)):
        target_server = chosen_server(to, to_profile, to_path, to_schema)
    elif to_schema is not None:
        target_server = replace(run.server, schema=to_schema)
    source = run.reading()
    if dry_run:
        target = repr(target_server.store())
        _report(run, "would copy", _count(source, place), target=target)
        return
    target_store = run.writing_on(target_server)
    selection = _selection(place)
    prefix = selection.pop("prefix") or ()
    copied = transfer.copy(
        source, target_store, prefix, **selection, on_conflict=on_conflict.value, progress=True
    )
    _report(run, "copied", copied, target=repr(target_store))


def backup(
    run: CommandRun,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="It is made if needed.")],
    *,
    keep: Annotated[
        int, typer.Option(min=0, help="Keep so many backups in the folder; 0 keeps all.")
    ] = 0,
    dry_run: DryRun = False,
) -> None:
    """Write the whole store to a new file of a folder, and verify the file."""
    place, file = Path(folder).expanduser(), _BACKUP_NAME.format(datetime.now(timezone.utc))
    store = run.reading()
    if dry_run:
        _report(run, "would write", _count(store, namespace_named("")), file=str(place / file))
        return
    place.mkdir(parents=True, exist_ok=True)
    transfer.export(store, place / file, progress=True)
    manifest = transfer.verify(place / file, progress=True)
    for old in _backups(place)[:-keep] if keep else []:
        old.unlink()
    _report(run, "wrote and verified", manifest.records, file=str(place / file))


def _backups(folder: Path) -> list[Path]:
    """Return the backups of a folder, oldest first."""
    return sorted(file for file in folder.iterdir() if _BACKUP.fullmatch(file.name))


def restore(
    run: CommandRun,
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAMESPACE",
            help="A backup, or a folder: its newest one. With --as-of: the namespace.",
        ),
    ] = "",
    *,
    as_of: Moment = None,
    user: User = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Bring back the items of a backup, or of a moment that history tells of.

    From a backup: items written since stay, and equal keys are replaced.
    """
    moment = optional_moment(as_of)
    if moment is not None:
        place = namespace_named(target, user)
        restore_as_of(run, place, moment, yes=yes, dry_run=dry_run)
        return
    if not target or user is not None:
        raise ConfigurationError("name a backup; --user is for a namespace --as-of a moment")
    _restore_backup(run, target, yes=yes, dry_run=dry_run)


def _restore_backup(run: CommandRun, file: str, *, yes: bool, dry_run: bool) -> None:
    path = Path(file).expanduser()
    if path.is_dir():
        found = _backups(path)
        if not found:
            raise Stop(Status.NO, f"there is no backup in {file!r}")
        path = found[-1]
    manifest = transfer.verify(path, progress=True)
    if dry_run:
        _report(run, "would write", manifest.records, file=str(path))
        return
    if not yes:
        raise Stop(
            Status.NOT_CONFIRMED,
            f"would write {count_text(manifest.records, 'item')} of {str(path)!r} over those of "
            "equal keys; nothing is done without --yes",
        )
    written = transfer.import_(run.writing(), path, on_conflict="upsert", progress=True)
    _report(run, "restored", written, file=str(path))


def migrate_from_langgraph(
    run: CommandRun,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The connection string of the official store.")
    ],
    *,
    source_schema: Annotated[str, typer.Option(help="The schema of its tables.")] = "public",
    since: Moment = None,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Leave out items that this store refuses.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Copy the items and vectors of LangGraph's own Postgres store, and compare."""
    written_since, store = optional_moment(since), run.indexed()
    if dry_run:
        official = OfficialSource(source, source_schema, written_since)
        _report(run, "would look at", _official_items(store, official))
        return
    report = store.migrate_from_langgraph_postgres(
        source, schema=source_schema, since=written_since, skip_refused=skip_refused, progress=True
    )
    if run.output.as_json:
        counts = ("items", "copied", "present", "newer", "expired", "refused", "compared")
        row = {name: getattr(report, name) for name in counts}
        run.output.line({**row, "vectors": report.vectors, "read_at": report.read_at})
    else:
        run.output.text("\n".join(one_line(line) for line in str(report).splitlines()))


def _official_items(store: AgentStore, official: OfficialSource) -> int:
    """Count the items of an official store, checking that its vectors fit this one."""
    work = Migrating(official, store.planner.scope, skip_refused=True)
    try:
        return store.executor.run(Job(work.begin, kind="migrate"))
    finally:
        store.executor.run(Job(work.end, kind="migrate"))


def _report(run: CommandRun, what: str, items: int, **place: str) -> None:
    if run.output.as_json:
        run.output.line({"action": what, "items": items, **place})
    else:
        where = "".join(f" ({name}: {one_line(value)})" for name, value in place.items())
        run.output.text(f"{what} {count_text(items, 'item')}{where}")

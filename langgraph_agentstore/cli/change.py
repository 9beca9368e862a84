"""Commands that change items; those that remove tell first what they would do."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Annotated, Any

import orjson
import typer
from langgraph.store.base import NOT_PROVIDED

from .._support.progress import telling_progress
from ..errors import InvalidOperationError, InvalidValueError
from ..model.users import SHARED, check_user_id
from ..store.agent_store import AgentStore
from ..tools.moving_items import ItemMove, copy_items
from ..tools.namespace_paths import UserNamespace, namespace_named
from ..tools.printable import count_text
from ..tools.removal import Removal, planned_removal, remove
from .commands import CommandRun, Key, NamespaceArgument, User, Yes
from .failures import Status, Stop

Target = Annotated[str, typer.Argument(metavar="TARGET", help="The namespace to go to.")]
OnlyKey = Annotated[
    str | None, typer.Option("--key", help="Only this item; otherwise all at or below.")
]
NewKey = Annotated[str | None, typer.Option(help="The key of that item in the target.")]


class OnConflict(str, Enum):
    """Tell how an item is treated that is there already."""

    fail = "fail"
    skip = "skip"
    upsert = "upsert"


ConflictOption = Annotated[
    OnConflict, typer.Option(help="An item that is there: refuse, keep it, or replace it.")
]


def put(
    run: CommandRun,
    namespace: NamespaceArgument,
    key: Key,
    value: Annotated[
        str, typer.Argument(metavar="[VALUE]", help="A JSON object; - reads standard input.")
    ] = "-",
    *,
    user: User = None,
    ttl: Annotated[float | None, typer.Option(help="Minutes until the item expires.")] = None,
    version: Annotated[
        int | None,
        typer.Option(min=0, help="Write only over this version; 0: only if there is none."),
    ] = None,
) -> None:
    """Write an item; replace one that is there."""
    place = namespace_named(namespace, user)
    parsed = _object(sys.stdin.read() if value == "-" else value)
    store = run.writing((place.user_id,))
    view: Any = store if place.user_id == SHARED else store.for_user(place.user_id)
    view.put(
        place.labels,
        key,
        parsed,
        ttl=NOT_PROVIDED if ttl is None else ttl,
        expected_version=version,
    )


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except ValueError as error:
        raise InvalidValueError(
            f'the value is not JSON ({error}); write an object such as {{"text": "…"}}'
        ) from None
    if not isinstance(value, dict):
        raise InvalidValueError(
            f'the value is a JSON object such as {{"text": "…"}}, this is a {type(value).__name__}'
        )
    return value


def rm(
    run: CommandRun,
    namespace: NamespaceArgument,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The item's key.")] = None,
    *,
    user: User = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also what is in namespaces below.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Remove an item, or all items of a namespace."""
    place = namespace_named(namespace, user)
    if key is not None and recursive:
        raise InvalidOperationError("--recursive is for a namespace: leave out the key, or it")
    store = run.store()
    _remove(run, store, planned_removal(store, place, key, below=recursive), yes)


def forget_user(
    run: CommandRun,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    *,
    for_good: Annotated[
        bool,
        typer.Option(
            "--for-good", help="Also history and keys, and refuse later writes; show the receipt."
        ),
    ] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="With --for-good: free what the rows took on disk.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Remove everything of a user: items, reads, locks and watches."""
    store = run.store()
    place = UserNamespace(check_user_id(user), ())
    removal = planned_removal(store, place, below=True)
    if not removal.items and not for_good:
        raise Stop(Status.NO, f"user {user!r} has no items")
    _confirm(removal, yes)
    if for_good:
        run.output.facts(store.erase_user(user, vacuum=vacuum).as_dict())
    else:
        _done(run, removal, store.delete_user(user))


def _remove(run: CommandRun, store: AgentStore, removal: Removal, yes: bool) -> None:
    if not removal.items:
        raise Stop(Status.NO, f"there is nothing to remove: no {removal.subject}")
    _confirm(removal, yes)
    _done(run, removal, remove(store, removal))


def _confirm(removal: Removal, yes: bool) -> None:
    if not yes:
        raise Stop(
            Status.NOT_CONFIRMED, f"would remove {removal.subject}; nothing is done without --yes"
        )


def _done(run: CommandRun, removal: Removal, removed: int) -> None:
    if run.output.as_json:
        run.output.line({"removed": removed, "namespace": removal.namespace.path})
    else:
        run.output.text(f"removed {count_text(removed, 'item')}")


def cp(
    run: CommandRun,
    namespace: NamespaceArgument,
    target: Target,
    *,
    key: OnlyKey = None,
    new_key: NewKey = None,
    on_conflict: ConflictOption = OnConflict.fail,
) -> None:
    """Copy an item, or all items at or below a namespace, with metadata, times and expiry."""
    move = ItemMove(namespace_named(namespace), namespace_named(target), key, new_key)
    store = run.writing((move.target.user_id,))
    _moved(run, store, move, on_conflict, remove=False)


def mv(
    run: CommandRun,
    namespace: NamespaceArgument,
    target: Target,
    *,
    key: OnlyKey = None,
    new_key: NewKey = None,
    on_conflict: ConflictOption = OnConflict.fail,
    yes: Yes = False,
) -> None:
    """Move an item, or all items at or below a namespace."""
    move = ItemMove(namespace_named(namespace), namespace_named(target), key, new_key)
    move.check()
    store = run.writing((move.target.user_id,))
    removal = planned_removal(store, move.source, key, below=key is None)
    if removal.items and not yes:
        raise Stop(
            Status.NOT_CONFIRMED,
            f"would move {removal.subject} to {move.target.path!r}; nothing is done without --yes",
        )
    _moved(run, store, move, on_conflict, remove=True)


def _moved(
    run: CommandRun, store: AgentStore, move: ItemMove, conflict: OnConflict, *, remove: bool
) -> None:
    title = "moving" if remove else "copying"
    with telling_progress(True, title) as progress:
        done = copy_items(store, move, conflict.value, progress, remove=remove)
    if not done and move.key is not None:
        raise Stop(Status.NO, f"there is no item {move.key!r} in {move.source.path!r} to take")
    if run.output.as_json:
        run.output.line({"items": done, "target": move.target.path})
    else:
        run.output.text(f"{'moved' if remove else 'copied'} {count_text(done, 'item')}")

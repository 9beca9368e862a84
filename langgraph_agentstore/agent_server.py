"""Authorization for the Agent Server: each authenticated user reaches only their own records.

The server's `/store` routes reach every namespace of the store. Authentication identifies the
caller; without a handler for the store, every authenticated user reads and writes the records of
all users. `guard_store` adds that handler to LangGraph's `Auth` object.
"""

from __future__ import annotations

import inspect
import json
import runpy
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from ._support.files import expanded
from .errors import ConfigurationError, InvalidNamespaceError
from .model.namespaces import Labels, check_labels
from .model.users import DEFAULT_TEMPLATE, SHARED, USER_SLOT, TemplateScope, template_scope

if TYPE_CHECKING:
    from langgraph_sdk import Auth

    Context: TypeAlias = Auth.types.AuthContext

__all__ = ["check_project", "guard_store", "unguarded_actions"]

StoreAction = Literal["put", "get", "search", "delete", "list_namespaces"]
ACTIONS: tuple[StoreAction, ...] = ("put", "get", "search", "delete", "list_namespaces")
_READING: tuple[StoreAction, ...] = ("get", "search", "list_namespaces")

_ANY_LABEL = "*"

Administrator: TypeAlias = "Callable[[Context], bool | Awaitable[bool]]"


def guard_store(
    auth: Auth,
    *,
    users: Sequence[str] = DEFAULT_TEMPLATE,
    readable: Iterable[Sequence[str]] = (),
    administrator: Administrator | None = None,
) -> None:
    """Confine the server's store routes to the records of the calling user.

    A namespace must begin with the user template, filled with the identity of the caller:
    `("users", "alice", …)`. Any other namespace is answered with status 403, including prefixes
    above the user and wildcards in place of the user. A listing without a prefix, or with a
    prefix above the user, lists the user's namespaces only.

    Args:
        auth: the object that `langgraph.json` names, with its `authenticate` handler.
        users: the user template of the store.
        readable: namespaces of the shared space that every user may read and list, but not
            write.
        administrator: returns whether a request may reach everything, for example
            `lambda ctx: "admin" in ctx.permissions`; may be async.

    Raises:
        ConfigurationError: the template has no user, `readable` reaches into users' records, or
            `auth` already has a handler for the store.
    """
    scope = template_scope(users)
    guard = _Guard(_constants_of(scope), _shared(scope, readable), administrator)
    for action in ACTIONS:
        try:
            getattr(auth.on.store, action)(guard.handler(action))
        except ValueError as error:
            raise ConfigurationError(
                f"the Auth object already has a handler for the store's {action!r}, which would "
                f"run beside the guard: {error} Remove it"
            ) from error


def unguarded_actions(auth: Auth) -> list[str]:
    """List the store actions that no handler of an `Auth` object covers."""
    if auth._global_handlers:
        return []
    handled = set(auth._handlers)
    return [
        action
        for action in ACTIONS
        if not handled & {("store", action), ("store", "*"), ("*", action), ("*", "*")}
    ]


def check_project(config: str | Path) -> list[str]:
    """Check the authorization of a project's store; return one sentence per problem.

    Imports the project's `Auth` object, as the server does.

    Args:
        config: the project's `langgraph.json`.

    Raises:
        ConfigurationError: the file cannot be read, or its `Auth` object cannot be imported.
    """
    path = expanded(config)
    try:
        settings = json.loads(path.read_text("utf-8"))
        auth_path = (settings.get("auth") or {}).get("path")
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path} is not a readable langgraph.json: {error}") from None
    if not auth_path:
        return [f"{path} names no auth: every client reads and writes every user's records"]
    actions = unguarded_actions(_imported_auth(path.parent, auth_path))
    if not actions:
        return []
    return [
        f"{auth_path} leaves the store's {', '.join(actions)} open: every user reaches every "
        "other's records through /store; call langgraph_agentstore.agent_server.guard_store(auth)"
    ]


def _imported_auth(folder: Path, auth_path: str) -> Auth:
    module_name, _, name = auth_path.rpartition(":" if ":" in auth_path else ".")
    sys.path.insert(0, str(folder.resolve()))
    try:
        if module_name.endswith(".py"):
            found = runpy.run_path(str(folder / module_name))[name]
        else:
            found = getattr(import_module(module_name), name)
    except (ImportError, OSError, KeyError, AttributeError) as error:
        raise ConfigurationError(f"the auth {auth_path!r} cannot be imported: {error!r}") from error
    finally:
        sys.path.pop(0)
    return cast("Auth", found)


class _Guard:
    """The rule that confines a caller to their own namespaces and those that all may read."""

    def __init__(
        self, constants: Labels, readable: list[Labels], administrator: Administrator | None
    ) -> None:
        self._constants = constants
        self._readable = readable
        self._administrator = administrator

    def handler(self, action: StoreAction) -> Callable[..., Awaitable[None]]:
        async def confine(ctx: Context, value: dict[str, Any]) -> None:
            if not await self._may_do_all(ctx):
                value["namespace"] = self._allowed(ctx.user.identity, action, value["namespace"])

        return confine

    async def _may_do_all(self, ctx: Context) -> bool:
        if self._administrator is None:
            return False
        answer = self._administrator(ctx)
        return bool(await answer if inspect.isawaitable(answer) else answer)

    def _allowed(self, identity: str, action: StoreAction, asked: Sequence[str] | None) -> Labels:
        """Return the namespace that this action may use; raise the server's error for any other."""
        own = self._own(identity)
        labels = tuple(asked or ())
        if labels[: len(own)] == own:
            return labels
        if action in _READING and any(labels[: len(r)] == r for r in self._readable):
            return labels
        if action == "list_namespaces" and labels == own[: len(labels)]:
            return own
        raise _forbidden(
            f"the namespace {list(labels)!r} is not yours: yours begin with {list(own)!r}"
        )

    def _own(self, identity: str) -> Labels:
        # A listing takes `*` for any label: as an identity it would reach every user's records.
        if identity == _ANY_LABEL:
            raise _forbidden("the identity '*' cannot own namespaces")
        try:
            return check_labels((*self._constants, identity))
        except InvalidNamespaceError as error:
            raise _forbidden(
                f"the identity {identity!r} cannot be part of a namespace: {error}"
            ) from None


def _forbidden(detail: str) -> Exception:
    from langgraph_sdk import Auth

    return Auth.exceptions.HTTPException(status_code=403, detail=detail)


def _constants_of(scope: TemplateScope) -> Labels:
    constants = scope.constants
    if constants is None:
        raise ConfigurationError(
            "users=None has no users to keep apart; give the store a user template"
        )
    if _ANY_LABEL in constants:
        raise ConfigurationError(
            f"users={(*constants, USER_SLOT)!r}: '*' stands for any label in listings"
        )
    return constants


def _shared(scope: TemplateScope, readable: Iterable[Sequence[str]]) -> list[Labels]:
    checked = [check_labels(tuple(labels)) for labels in readable]
    for labels in checked:
        regions = scope.regions(labels)
        if not labels or _ANY_LABEL in labels or any(r.user_id != SHARED for r in regions):
            raise ConfigurationError(
                f"readable={list(labels)!r} reaches into the records of users; name namespaces "
                "of the shared space, such as ('docs',)"
            )
    return checked

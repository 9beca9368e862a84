"""Mapping of namespace tuples to `(user, namespace)` and back.

A store has a *user template*, by default `("users", "{user_id}")`: constant labels, then the
user. A tuple that starts with it belongs to that user and keeps the rest. Any other tuple belongs
to the shared space, whose user id is `""`, and keeps all its labels. Both directions are exact
inverses of each other, for any label.

A *scope* is that mapping for one store or view: `TemplateScope` for a plain store, `UserScope` for
`for_user("alice")`, in which no tuple reaches another user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from typing_extensions import override

from ..errors import (
    ConfigurationError,
    InvalidNamespaceError,
    MissingUserError,
    UserConflictError,
    ValueTypeError,
)
from .json_values import as_mapping, check_text, shown
from .namespaces import Labels, check_labels, check_writable

SHARED = ""
"""The user id of the shared space: records that belong to nobody."""

USER_SLOT = "{user_id}"
DEFAULT_TEMPLATE: Labels = ("users", USER_SLOT)


@dataclass(frozen=True, slots=True)
class Address:
    """A user, or `SHARED`, and the labels below that user."""

    user_id: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Region:
    """Everything at or below an address; `user_id` None means every user, but not `SHARED`."""

    user_id: str | None
    labels: Labels


class Scope(Protocol):
    """The mapping between a store's tuples and addresses."""

    def address(self, labels: Labels) -> Address:
        """Return the address of exactly this namespace."""

    def regions(self, prefix: Labels) -> tuple[Region, ...]:
        """Return the regions of a prefix: one, or the shared space and all users."""

    def heads(self) -> tuple[tuple[Region, Labels], ...]:
        """Return the whole scope as regions, each with its constant labels before the user."""

    def labels(self, user_id: str, labels: Labels) -> Labels:
        """Return the tuple of an address: the inverse of `address`."""

    def value(self, stored: Any) -> Any:
        """Return a stored value as this scope shows it."""


@dataclass(frozen=True, slots=True)
class TemplateScope(Scope):
    """The tuples of a plain store; `constants` None means that tuples name no users."""

    constants: Labels | None

    @override
    def address(self, labels: Labels) -> Address:
        if self.constants is None or not self._names_a_user(labels, self.constants):
            return Address(SHARED, labels)
        depth = len(self.constants)
        return Address(labels[depth], labels[depth + 1 :])

    @override
    def regions(self, prefix: Labels) -> tuple[Region, ...]:
        shared = Region(SHARED, prefix)
        if self.constants is None:
            return (shared,)
        if self._names_a_user(prefix, self.constants):
            depth = len(self.constants)
            return (Region(prefix[depth], prefix[depth + 1 :]),)
        if prefix == self.constants[: len(prefix)]:
            return (shared, Region(None, ()))
        return (shared,)

    @override
    def heads(self) -> tuple[tuple[Region, Labels], ...]:
        shared = (Region(SHARED, ()), ())
        if self.constants is None:
            return (shared,)
        return (shared, (Region(None, ()), self.constants))

    @override
    def labels(self, user_id: str, labels: Labels) -> Labels:
        if user_id == SHARED:
            return labels
        if self.constants is None:
            # Rows of a user, seen by a store whose tuples name none: shown as the default would.
            return (*DEFAULT_TEMPLATE[:-1], user_id, *labels)
        return (*self.constants, user_id, *labels)

    @override
    def value(self, stored: Any) -> dict[str, Any]:
        return as_mapping(stored)

    @staticmethod
    def _names_a_user(labels: Labels, constants: Labels) -> bool:
        depth = len(constants)
        return len(labels) > depth and labels[:depth] == constants and labels[depth] != SHARED


@dataclass(frozen=True, slots=True)
class UserScope(Scope):
    """The tuples of one user's view, all relative to that user."""

    user_id: str

    @override
    def address(self, labels: Labels) -> Address:
        return Address(self.user_id, labels)

    @override
    def regions(self, prefix: Labels) -> tuple[Region, ...]:
        return (Region(self.user_id, prefix),)

    @override
    def heads(self) -> tuple[tuple[Region, Labels], ...]:
        return ((Region(self.user_id, ()), ()),)

    @override
    def labels(self, user_id: str, labels: Labels) -> Labels:
        return labels

    @override
    def value(self, stored: Any) -> Any:
        return as_mapping(stored)


@dataclass(frozen=True, slots=True)
class RecordScope(UserScope):
    """`UserScope` with values as they are stored: any JSON."""

    @override
    def value(self, stored: Any) -> Any:
        return stored


def template_scope(template: Sequence[str] | None) -> TemplateScope:
    """Return the scope of a user template such as `("users", "{user_id}")`; None: no users.

    Raises:
        ConfigurationError: `{user_id}` is not the last label, or a constant is not a label.
    """
    if template is None:
        return TemplateScope(None)
    labels = tuple(template) if isinstance(template, (tuple, list)) else ()
    if not labels or labels[-1] != USER_SLOT or USER_SLOT in labels[:-1]:
        raise ConfigurationError(
            f"users={template!r} is not a user template: constant labels, then '{USER_SLOT}' "
            f"last, such as {DEFAULT_TEMPLATE!r}; None for no users in tuples"
        )
    constants = labels[:-1]
    try:
        check_labels(constants)
        if constants:
            check_writable(constants)
    except InvalidNamespaceError as error:
        raise ConfigurationError(f"users={template!r}: {error}") from None
    return TemplateScope(constants)


def check_user_id(user_id: object) -> str:
    """Return the user id if it is valid: a non-empty string that Postgres can hold.

    Raises:
        MissingUserError: it is None or empty, which must never fall back to the shared space.
        ValueTypeError: it is not a string.
        InvalidValueError: it holds NUL or a lone surrogate.
    """
    if user_id is None or user_id == SHARED:
        raise MissingUserError(f"a user id is a non-empty string, got {user_id!r}")
    if not isinstance(user_id, str):
        raise ValueTypeError(
            f"a user id is a string, got {type(user_id).__name__} {shown(user_id)}; convert it"
        )
    check_text(user_id, "the user id")
    return str.__str__(user_id)


def user_of(config: Mapping[str, Any], context: object) -> str:
    """Find the user of a running graph.

    The user that the Agent Server authenticated comes first:
    `configurable["langgraph_auth_user_id"]` beside the server's own `langgraph_auth_user` object
    of that identity. That object cannot be sent as JSON, so no client can forge it.

    Without the object, the id proves nothing. Then `configurable["user_id"]` comes
    first, then `langgraph_auth_user_id`, then `user_id` of the runtime context. A claimed
    authenticated id that contradicts another one is refused, since a client may have sent it.

    Raises:
        MissingUserError: none of these ids is set.
        UserConflictError: `langgraph_auth_user_id`, which no server confirms, names another
            user than `user_id` of the configuration or of the context.
    """
    configurable = config.get("configurable") or {}
    claimed = _user_or_none(configurable.get("langgraph_auth_user_id"))
    if claimed is not None and _vouched_for(configurable.get("langgraph_auth_user"), claimed):
        return claimed
    others = [_user_or_none(configurable.get("user_id")), _user_or_none(_user_in(context))]
    for other in others:
        if claimed is not None and other is not None and other != claimed:
            raise UserConflictError(
                f"the run names two users: user_id {other!r} and langgraph_auth_user_id "
                f"{claimed!r}, which no Agent Server confirms; leave the second out, and let "
                "no client set it"
            )
    for user_id in (others[0], claimed, others[1]):
        if user_id is not None:
            return user_id
    raise MissingUserError(
        "the running graph has no user: pass config={'configurable': {'user_id': …}} when it is "
        "invoked, a context with user_id, or use for_user(…) with a known user"
    )


def _user_or_none(user_id: object) -> str | None:
    return None if user_id is None or user_id == SHARED else check_user_id(user_id)


def _user_in(context: object) -> object:
    if isinstance(context, Mapping):
        return context.get("user_id")
    return getattr(context, "user_id", None)


def _vouched_for(authenticated: object, user_id: str) -> bool:
    """Tell whether this is the server's object for the user; JSON from a client is a mapping."""
    if authenticated is None or isinstance(authenticated, Mapping):
        return False
    return getattr(authenticated, "identity", None) == user_id


def running_user() -> str:
    """Find the user of the graph that runs in the caller's context; see `user_of`.

    Raises:
        MissingUserError: no graph runs here, or it has no user.
        UserConflictError: it names two users.
    """
    # Imported late: not every use of the package runs a graph.
    from langgraph.config import get_config
    from langgraph.runtime import get_runtime

    try:
        config = get_config()
    except RuntimeError as error:
        raise MissingUserError(
            f"per_user() finds the user in a running graph, and none is seen here ({error}); "
            "use for_user(…) outside of graphs, and before Python 3.11 in awaited ones too, "
            "with the user of the node's own config"
        ) from None
    runtime = get_runtime()
    return user_of(config, getattr(runtime, "context", None))

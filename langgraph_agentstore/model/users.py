"""Mapping of namespace tuples to `(user, namespace)` and back.

A store has a *user template*, by default `("users", "{user_id}")`: constant labels, then the
user. A tuple that starts with it belongs to that user and keeps the rest. Any other tuple belongs
to the shared space, whose user id is `""`, and keeps all its labels. Both directions are exact
inverses of each other, for any label.

A *scope* is that mapping for one store or view: `TemplateScope` for a plain store, `UserScope` for
`for_user("alice")`, in which no tuple reaches another user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from typing_extensions import override

from ..errors import ConfigurationError, InvalidNamespaceError, MissingUserError, ValueTypeError
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
    """Everything at or below an address; `user_id` None means every user, but not `SHARED`.

    `hidden`: namespaces below it that do not belong to it, nor what is below them.
    """

    user_id: str | None
    labels: Labels
    hidden: tuple[Labels, ...] = ()


def users_of_regions(regions: Sequence[Region]) -> tuple[str, ...] | None:
    """Return the users of these regions; None if one is of every user."""
    users = dict.fromkeys([region.user_id for region in regions])
    return None if None in users else tuple(user for user in users if user is not None)


class Scope(Protocol):
    """The mapping between a store's tuples and addresses."""

    def address(self, labels: Labels) -> Address:
        """Return the address of exactly this namespace."""

    def regions(self, prefix: Labels) -> tuple[Region, ...]:
        """Return the regions of a prefix: one, or the shared space and all users."""

    def regions_to_delete(self, prefix: Labels) -> tuple[Region, ...]:
        """Return the regions of a prefix that is to be deleted with all below it."""
        return self.regions(prefix)

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

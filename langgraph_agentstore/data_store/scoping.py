"""Whose records are meant, and of which namespaces, as administration is told it; checked."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..errors import InvalidNamespaceError, InvalidValueError
from ..model.json_values import check_text, shown
from ..model.namespaces import Labels, labels_named
from ..model.users import SHARED, check_user_id
from .sql.administration import Within

Namespace: TypeAlias = "str | Labels"
"""A string such as `files:my-repo`, or labels, which also reach what no string names."""


def within_of(user_id: str | None, namespace: Namespace | None, below: bool) -> Within:
    """None for the user: everybody; None for the namespace: all of them."""
    user = None if user_id is None else user_of(user_id)
    if namespace is None:
        return Within(user)
    return Within(user, labels_of(namespace), below)


def user_of(user_id: object) -> str:
    """A user id, or "" for the shared space."""
    return SHARED if user_id == SHARED else check_user_id(user_id)


def labels_of(namespace: Any) -> Labels:
    """The labels of a namespace, given as a string or as themselves."""
    if not isinstance(namespace, tuple):
        return labels_named(namespace)
    for label in namespace:
        if not isinstance(label, str):
            raise InvalidNamespaceError(
                f"labels are strings, got {shown(label)} in {shown(namespace)}"
            )
        try:
            check_text(label, f"a label of {shown(namespace)}")
        except InvalidValueError as error:
            raise InvalidNamespaceError(str(error)) from None
    if namespace == ("",):
        raise InvalidNamespaceError("('',) is not told from (), which names the root; write ()")
    return tuple(str.__str__(label) for label in namespace)

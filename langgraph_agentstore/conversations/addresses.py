"""Where a namespace of a user is kept, whichever store keeps it.

LangGraph refuses labels with a period, and user ids are often e-mail addresses. `AgentStore` has a
view for each user, `for_user(…)`, that takes any id; for other stores such labels are written with
`%2E` for the period and `%25` for the percent sign, which can be undone.
"""

from __future__ import annotations

from dataclasses import dataclass

from langgraph.store.base import BaseStore

from ..beyond import ExtendedSurface
from ..errors import InvalidNamespaceError
from ..namespaces import Labels
from ..users import check_user_id
from ..views import view_of

USERS = "users"
CONVERSATIONS = "conversations"


@dataclass(frozen=True, slots=True)
class Address:
    """A store, and the labels under which it has a namespace."""

    store: BaseStore
    labels: Labels


def address_of(store: BaseStore, namespace: Labels) -> Address:
    """Where `store` has a namespace whose labels may hold periods.

    Raises:
        ConfigurationError: the store is a view of another user.
    """
    if len(namespace) < 2 or namespace[0] != USERS:
        return Address(store, tuple(map(encode_label, namespace)))
    below = tuple(map(encode_label, namespace[2:]))
    if isinstance(store, ExtendedSurface):
        return Address(view_of(store, namespace[1]), below)
    return Address(store, (USERS, encode_label(namespace[1]), *below))


def conversations_of(store: BaseStore, user_id: str) -> Address:
    """Where the turns of a user are: `("users", user_id, "conversations")`."""
    return address_of(store, (USERS, check_user_id(user_id), CONVERSATIONS))


def encode_label(label: str) -> str:
    """The label without periods; any string, and never two to the same."""
    if not isinstance(label, str):
        raise InvalidNamespaceError(
            f"a label is a string, got {type(label).__name__} {label!r}; convert it"
        )
    return label.replace("%", "%25").replace(".", "%2E")


def decode_label(encoded: str) -> str:
    """The inverse of `encode_label`."""
    return encoded.replace("%2E", ".").replace("%25", "%")

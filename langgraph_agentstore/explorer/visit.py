"""A visit of a page: what it asks for, and the store within the visitor's rights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from ..errors import AgentStoreError, VersionConflictError
from ..model.json_values import check_text
from ..model.namespaces import Labels
from ..model.users import SHARED
from ..store.agent_store import AgentStore
from ..store.user_views import ItemStore
from ..tools.namespace_paths import UserNamespace
from .access import ExplorerAccess

if TYPE_CHECKING:
    from starlette.requests import Request

ROWS_ON_A_PAGE = 50
"""Rows on a page."""


class PageRefusedError(Exception):
    """A page that is not shown, with the status and the reason; never leaves the explorer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Visit:
    """One request of a visitor, and the only way of pages to the store.

    Every user and namespace that a page reads comes from here, so that a visitor who is confined
    to one user reaches no other.
    """

    request: Request
    access: ExplorerAccess
    form: tuple[tuple[str, str], ...] = ()
    _store: AgentStore | None = None

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        """The parameters of the address and of the form.

        A form names its place in one parameter, "at", as in an address: browsers would change
        the line ends of labels.
        """
        pairs = [*self.request.query_params.multi_items(), *self.form]
        at = [pair for name, text in pairs if name == "at" for pair in parse_qsl(text, True)]
        return [*at, *pairs]

    def asked(self, name: str, default: str = "") -> str:
        """Return a parameter, the first of its name."""
        return next((value for given, value in self._pairs if given == name), default)

    def names(self, name: str) -> bool:
        """Tell whether there is a parameter of this name."""
        return any(given == name for given, _ in self._pairs)

    @property
    def is_part(self) -> bool:
        """Tell whether a script asks for it, to place it in a page that is shown."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def user_id(self) -> str:
        """The user whom the page is about; "" for the shared space.

        Raises:
            PageRefusedError: the visitor may not see this user.
        """
        if self.names("u"):
            return self.allowed(self.asked("u"))
        if self.access.user_id is None:
            raise PageRefusedError(400, "The address names no user.")
        return self.access.user_id

    def allowed(self, user_id: str) -> str:
        """Return the user if the visitor may see this user.

        Raises:
            PageRefusedError: the visitor may not.
        """
        if self.access.user_id is not None and user_id != self.access.user_id:
            raise PageRefusedError(403, "You may look at your own items only.")
        check_text(user_id, "the user")
        return user_id

    @property
    def place(self) -> UserNamespace:
        """The namespace that the page is about."""
        labels = [value for name, value in self._pairs if name == "n"]
        for label in labels:
            check_text(label, "a label")
        return UserNamespace(self.user_id, tuple(labels))

    @property
    def whole_store(self) -> AgentStore:
        """The store, for pages about all users.

        Raises:
            PageRefusedError: the visitor is confined to one user.
        """
        if self.access.user_id is not None:
            raise PageRefusedError(403, "You may look at your own items only.")
        return self.store

    @property
    def store(self) -> AgentStore:
        """The store, for operations that name a place of this visit."""
        assert self._store is not None
        return self._store

    def view_of(self, user_id: str) -> ItemStore:
        """Return the view of a user, or the store itself for the shared space."""
        self.allowed(user_id)
        return self.store if user_id == SHARED else self.store.for_user(user_id)

    def check_may_write(self) -> None:
        """Raise PageRefusedError if the visitor may not change anything."""
        if not self.access.write:
            raise PageRefusedError(403, "This explorer only reads.")


def query_of(place: UserNamespace, key: str | None = None, **more: Any) -> str:
    """Return the query of the address of a place or of an item; None is left out."""
    pairs = [("u", place.user_id), *[("n", label) for label in place.labels]]
    if key is not None:
        pairs.append(("k", key))
    pairs += [(name, str(value)) for name, value in more.items() if value is not None]
    return urlencode(pairs)


def reason_of(error: Exception) -> tuple[int, str]:
    """Return the status and the words for an error that a page met."""
    if isinstance(error, PageRefusedError):
        return error.status, error.reason
    assert isinstance(error, AgentStoreError)
    if isinstance(error, VersionConflictError):
        return 409, "The item was changed by somebody else meanwhile. Reload it, then change it."
    if isinstance(error, PermissionError):
        return 403, str(error)
    if isinstance(error, (ConnectionError, TimeoutError)):
        return 503, str(error)
    return (400 if isinstance(error, (ValueError, TypeError, LookupError)) else 500), str(error)


def named_labels(labels: Labels) -> str:
    """Return labels as a person reads them."""
    return " / ".join(labels) or "(top)"

"""Decide who sees which user in the explorer: the rights of a visitor, and the doors to them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..model.users import check_user_id

if TYPE_CHECKING:
    from starlette.requests import Request

LEAST_TOKEN = 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
WRITE_COOKIE = "agentstore_form"


@dataclass(frozen=True, slots=True)
class ExplorerAccess:
    """The rights of a visitor of the explorer.

    Args:
        user_id: the only user whose items the visitor reaches; None for everything.
        write: whether the visitor may change and remove items.

    Raises:
        MissingUserError: the user is empty.
    """

    user_id: str | None = None
    write: bool = False

    def __post_init__(self) -> None:
        if self.user_id is not None:
            check_user_id(self.user_id)


Authorize: TypeAlias = (
    "Callable[[Request], ExplorerAccess | Awaitable[ExplorerAccess | None] | None]"
)
"""From a request to what its visitor may do; None refuses the visitor."""


class LocalDoor:
    """The door of an explorer on this computer: whoever has the token gets in, from here alone.

    Args:
        token: the secret in the address, at least 16 characters.
        access: what its bearer may do.

    Raises:
        ConfigurationError: the token is too short to be a secret.
    """

    def __init__(self, token: str, access: ExplorerAccess) -> None:
        if len(token) < LEAST_TOKEN:
            raise ConfigurationError(
                f"the token has {len(token)} characters, fewer than {LEAST_TOKEN}: take "
                "secrets.token_urlsafe()"
            )
        self._token = token
        self._access = access
        # Cookies of one host are seen by all its ports: explorers must not overwrite each other's.
        self.cookie = f"agentstore_{sha256(token.encode()).hexdigest()[:12]}"

    def access_of(self, request: Request) -> ExplorerAccess | None:
        """Return the access of a request with the cookie; None for any other."""
        return self._access if self.opens(request.cookies.get(self.cookie, "")) else None

    def opens(self, token: str) -> bool:
        """Tell whether it is the token."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    @property
    def cookie_value(self) -> str:
        """The value of the cookie that opens."""
        return self._token


def is_of_this_computer(host: str) -> bool:
    """Tell whether a Host header names this computer.

    A page elsewhere whose name is made to resolve to this computer sends its own name.
    """
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK
    except ValueError:
        return False


def new_form_token() -> str:
    """Return a token that forms carry, and the visitor's cookie too."""
    return secrets.token_urlsafe(24)


def comes_from_own_page(request: Request, form_token: str) -> bool:
    """Tell whether a form was sent by a page of this explorer.

    Its token must be the one of the cookie, which other sites do not know; and a browser that
    says where the form was must name this site.
    """
    known = request.cookies.get(WRITE_COOKIE, "")
    if not known or not hmac.compare_digest(known.encode(), form_token.encode()):
        return False
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"

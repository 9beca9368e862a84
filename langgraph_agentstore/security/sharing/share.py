"""One share, as the store lists it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...model.shared_scope import ShareAccess


@dataclass(frozen=True, slots=True)
class Share:
    """A namespace that `owner` shares with another user, with everything below it.

    `namespace` is the tuple by which the store or view that lists it reaches it. `access` is
    "read" or "write". `granted_by`: the user whose view granted it; None for the plain store.
    """

    namespace: tuple[str, ...]
    owner: str
    with_user: str
    access: ShareAccess
    granted_at: datetime
    granted_by: str | None

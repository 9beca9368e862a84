"""Refusals by the controls' triggers: from SQLSTATE and DETAIL to the error of the package.

The states are of class `AG`. A DETAIL is a JSON object; it names no user and holds no value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from ..errors import AgentStoreError, UserErasedError

ERASED: Final = "AGE01"


def refusal_error(sqlstate: str | None, detail: str | None) -> AgentStoreError | None:
    """Return the error for a refusal by a control; None for any other error of the server."""
    build = _ERRORS.get(sqlstate or "")
    return None if build is None else build(json.loads(detail or "{}"))


def _user_erased_error(detail: dict[str, Any]) -> UserErasedError:
    erased_at = datetime.fromisoformat(detail["erased_at"])
    return UserErasedError(
        f"a user of this write was erased on {erased_at:%Y-%m-%d at %H:%M:%S %Z}, and nothing was "
        "written; if the person comes back, call readmit_user first",
        digest=detail["digest"],
        erased_at=erased_at,
    )


_ERRORS: Final[dict[str, Callable[[dict[str, Any]], AgentStoreError]]] = {
    ERASED: _user_erased_error
}

"""Refusals by the controls' triggers: from SQLSTATE and DETAIL to the error of the package.

The states are of class `AG`. A DETAIL is a JSON object; it names no user and holds no value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ..errors import AgentStoreError, LegalHoldError, QuotaExceededError, UserErasedError
from ..model.namespaces import decode_labels

ERASED: Final = "AGE01"
HELD: Final = "AGH01"
BEYOND_QUOTA: Final = "AGQ01"


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


def held_error(hold_id: UUID) -> LegalHoldError:
    """Return the error for what a hold keeps from being deleted."""
    return LegalHoldError(
        f"an item is under legal hold {hold_id} and stays, nothing was deleted: holds() tells "
        "why; release_hold ends it",
        hold_id=hold_id,
    )


def _quota_error(detail: dict[str, Any]) -> QuotaExceededError:
    kind, limit, usage = detail["kind"], detail["limit"], detail["usage"]
    namespace = decode_labels(detail["namespace"])
    where = f" in {namespace!r} and below" if namespace else ""
    cure = "wait for the next minute" if kind == "writes_per_minute" else "delete something"
    return QuotaExceededError(
        f"the user has {usage:,} of {limit:,} {kind.replace('_', ' ')}{where}, and this write "
        f"would be beyond that; nothing was written: {cure}, or raise the limit",
        kind=kind,
        limit=limit,
        usage=usage,
        namespace=namespace,
    )


_ERRORS: Final[dict[str, Callable[[dict[str, Any]], AgentStoreError]]] = {
    ERASED: _user_erased_error,
    HELD: lambda detail: held_error(UUID(detail["hold"])),
    BEYOND_QUOTA: _quota_error,
}

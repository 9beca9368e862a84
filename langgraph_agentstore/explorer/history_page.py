"""The history of a store or of one user: changes, recorded reads, and the state of the audit."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from ..model.checks import check_whole
from ..security.history.sealing_sql import plan_check, plan_is_kept
from ..tools.namespace_paths import UserNamespace
from .history_sql import (
    MOST_LOOKED_BACK,
    MOST_UNSEALED,
    HistoryCursor,
    plan_audit_state,
    plan_changes_back,
    plan_reads_back,
    plan_seal_sizes,
)
from .rendering import rendered
from .visit import ROWS_ON_A_PAGE, PageRefusedError, Visit

SEALS_ON_A_PAGE = 5
"""Seals that are verified for one page."""

LARGEST_NUMBER = 2**63 - 1


MOST_VERIFIED = 20_000
"""Entries that are verified for one page: a seal ends with a transaction, however large."""


@dataclass(frozen=True, slots=True)
class VerifiedSeals:
    """The result of verifying the seals from `first` to `last`; `faulty` ones are not intact.

    `is_too_large`: they were not verified, since they have too many entries.
    """

    first: int
    last: int
    entries: int
    faulty: list[int]
    is_too_large: bool = False


def show_history(visit: Visit) -> Response:
    """Show what was written, deleted and read, newest first; without a user, in the whole store."""
    everywhere = visit.access.user_id is None and not visit.names("u")
    place = None if everywhere else UserNamespace(visit.user_id, ())
    user_id = None if place is None else place.user_id
    run, context = visit.store.executor.run, visit.store.planner.context
    shown = "reads" if visit.asked("show") == "reads" else "changes"
    plan = plan_reads_back if shown == "reads" else plan_changes_back
    before = history_cursor_of(visit.asked("before"))
    return HTMLResponse(
        rendered(
            visit,
            "history.html",
            place=place,
            shown=shown,
            # The state of the audit is of all users; of one it matters whether history is kept.
            state=run(plan_audit_state(context)) if place is None else run(plan_is_kept(context)),
            page=run(plan(context, user_id, before, ROWS_ON_A_PAGE)),
            is_first=before is None,
            most_looked_back=MOST_LOOKED_BACK,
            most_unsealed=MOST_UNSEALED,
            verified=_verified(visit) if everywhere and visit.names("verify") else None,
            seals_at_once=SEALS_ON_A_PAGE,
        )
    )


def _verified(visit: Visit) -> VerifiedSeals | None:
    """Return the verification of a few seals after the one that the address names."""
    after = _number_of(visit.asked("verify"))
    run, context = visit.whole_store.executor.run, visit.store.planner.context
    sizes = run(plan_seal_sizes(after, SEALS_ON_A_PAGE, context))
    if not sizes:
        return None
    if sum(sizes) > MOST_VERIFIED:
        return VerifiedSeals(after + 1, after + len(sizes), sum(sizes), [], is_too_large=True)
    checked = run(plan_check(after, len(sizes), context))
    faulty = [seal.number for seal in checked if not seal.is_intact]
    return VerifiedSeals(after + 1, after + len(sizes), sum(sizes), faulty)


def history_cursor_of(text: str) -> HistoryCursor | None:
    """Return the cursor that an address names; None at the beginning.

    Raises:
        PageRefusedError: it names none.
    """
    if not text:
        return None
    xact, _, number = text.partition("-")
    return _number_of(xact), _number_of(number)


def _number_of(text: str) -> int:
    try:
        return check_whole("the number", int(text), 0, LARGEST_NUMBER)
    except ValueError:
        raise PageRefusedError(400, "The address names no place in the history.") from None

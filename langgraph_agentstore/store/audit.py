"""The audit of history: its seals, and their verification."""

from __future__ import annotations

from .._support.awaited_results import Count
from .._support.progress import Progress, telling_progress
from ..security.history.audited import AuditFault, AuditReport
from ..security.history.reading_sql import no_history
from ..security.history.sealing_sql import (
    SealChecked,
    plan_check,
    plan_is_kept,
    plan_pause,
    plan_seal,
    plan_unsealed,
)
from .base import StoreBase
from .step_driver import Steps, arun, run

SEALS_AT_ONCE = 20
"""How many seals are verified by one statement."""

PAUSES = 20
"""How often sealing waits a tenth of a second for transactions that are still running."""


class HistoryAudit(StoreBase):
    """Methods of the plain store that seal and verify its history."""

    def audit_seal(self) -> Count:
        """Seal the entries of history that have no seal yet; return their number.

        A sweeper of a store with `history=` does it every few minutes. An entry is sealed when all
        transactions of the server that began before its own are over. This waits two seconds for
        them at most; what is left then waits for the next time.
        """
        return Count(run(self._sealing(), self.executor))

    async def aaudit_seal(self) -> int:
        """Async form of `audit_seal`."""
        return await arun(self._sealing(), self.executor)

    def audit_verify(
        self, *, head: str | None = None, progress: Progress | bool | None = None
    ) -> AuditReport:
        """Verify that no sealed entry of history was altered, removed or slipped in.

        Reads all of the history. Whoever may replace everything could also make the whole chain
        anew: keep the `head` of each report elsewhere, and give the last one here.

        Args:
            head: the `head` of an earlier report; a seal must have it.
            progress: called with the number of entries done. True shows a bar on a terminal and in
                a notebook.
        """
        return run(self._verifying(head, progress), self.executor)

    async def aaudit_verify(
        self, *, head: str | None = None, progress: Progress | bool | None = None
    ) -> AuditReport:
        """Async form of `audit_verify`."""
        return await arun(self._verifying(head, progress), self.executor)

    def _have_history(self) -> Steps[None]:
        if not (yield plan_is_kept(self.planner.context)):
            raise no_history()

    def _sealing(self) -> Steps[int]:
        yield from self._have_history()
        context = self.planner.context
        total = pauses = 0
        while True:
            while count := (yield plan_seal(context)):
                total += count
            _, unsealed = yield plan_unsealed(context)
            if not unsealed or pauses == PAUSES:
                return total
            pauses += 1
            yield plan_pause()

    def _verifying(self, head: str | None, progress: Progress | bool | None) -> Steps[AuditReport]:
        yield from self._have_history()
        context = self.planner.context
        _, unsealed = yield plan_unsealed(context)
        checked: list[SealChecked] = []
        page: list[SealChecked] = yield plan_check(0, SEALS_AT_ONCE, context)
        with telling_progress(progress, "verifying") as tell:
            while page:
                checked += page
                tell(sum(seal.entries for seal in checked))
                page = yield plan_check(page[-1].number, SEALS_AT_ONCE, context)
        faults = [fault for seal in checked for fault in _faults_of(seal)]
        if head is not None and head not in {seal.hash for seal in checked}:
            faults.append(AuditFault("head", 0))
        return AuditReport(
            seals=len(checked),
            entries=sum(seal.entries for seal in checked),
            unsealed=unsealed,
            retention=sum(seal.retention for seal in checked),
            erased=sum(seal.erased for seal in checked),
            head=checked[-1].hash if checked else None,
            faults=tuple(faults),
        )


def _faults_of(seal: SealChecked) -> list[AuditFault]:
    faults = [] if seal.is_linked else [AuditFault("seal", seal.number)]
    faults += [AuditFault("altered", seal.number, n) for n in seal.altered]
    faults += [AuditFault("removed", seal.number, n) for n in seal.removed]
    return faults + [AuditFault("added", seal.number, n) for n in seal.added]

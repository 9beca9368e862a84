"""Controls of data care, each in a room of its own: off unless asked for."""

from typing import TYPE_CHECKING

from .._support.lazy import lazy_names

if TYPE_CHECKING:
    from ..config.history_options import History
    from ..config.quota_options import Limits, Quotas, Retention
    from ..model.provenance import Provenance, provenance
    from ..model.value_changes import ValueChange
    from ..results import ErasureReceipt, LegalHold, Remainder, Usage
    from .encryption import Encryption, KeyProvider, LocalKeys
    from .guard import Allow, Quarantine, QuarantinedItem, Redact, Refuse, Write
    from .history.audited import AuditFault, AuditReport
    from .history.entries import HistoryEntry, ItemDiff
    from .history.reads_sql import ReadEntry
    from .history.restored import RestoredItem, RestoreReport

__all__ = [
    "Allow",
    "AuditFault",
    "AuditReport",
    "Encryption",
    "ErasureReceipt",
    "History",
    "HistoryEntry",
    "ItemDiff",
    "KeyProvider",
    "LegalHold",
    "Limits",
    "LocalKeys",
    "Provenance",
    "Quarantine",
    "QuarantinedItem",
    "Quotas",
    "ReadEntry",
    "Redact",
    "Refuse",
    "Remainder",
    "RestoreReport",
    "RestoredItem",
    "Retention",
    "Usage",
    "ValueChange",
    "Write",
    "provenance",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "..config.history_options": ("History",),
            "..config.quota_options": ("Limits", "Quotas", "Retention"),
            "..model.provenance": ("Provenance", "provenance"),
            "..model.value_changes": ("ValueChange",),
            "..results": ("ErasureReceipt", "LegalHold", "Remainder", "Usage"),
            ".guard": (
                "Allow",
                "Quarantine",
                "QuarantinedItem",
                "Redact",
                "Refuse",
                "Write",
            ),
            ".encryption": ("Encryption", "KeyProvider", "LocalKeys"),
            ".history.audited": ("AuditFault", "AuditReport"),
            ".history.entries": ("HistoryEntry", "ItemDiff"),
            ".history.reads_sql": ("ReadEntry",),
            ".history.restored": ("RestoreReport", "RestoredItem"),
        },
    )

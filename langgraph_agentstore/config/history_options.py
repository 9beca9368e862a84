"""The `history=` option: what is kept of earlier values, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..errors import ConfigurationError
from ..model.checks import is_number
from ..model.json_values import shown
from ..model.namespaces import Labels, check_labels, encode_labels

_LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class History:
    """Say which earlier values a store keeps.

    Args:
        namespaces: keep the history of these namespaces and of those below them, as a user's view
            names them, such as `[("memories",)]`. None: of all.
        keep_days: for how many days. None: for ever.
        audit_reads: also record who reads which user's items through this store.

    Raises:
        ConfigurationError: an option is wrong.
    """

    namespaces: Sequence[Labels] | None = None
    keep_days: float | None = None
    audit_reads: bool = False

    def __post_init__(self) -> None:
        days = self.keep_days
        if days is not None and not (is_number(days) and 0 < days <= _LONGEST_DAYS):
            raise ConfigurationError(
                f"history: keep_days is a number of days above 0, up to {_LONGEST_DAYS:,}, got "
                f"{shown(days)}; None keeps everything"
            )
        if self.namespaces is not None and (
            isinstance(self.namespaces, str) or not self.namespaces  # type: ignore[redundant-expr]
        ):
            raise ConfigurationError(
                "history: namespaces is a list of namespaces, such as [('memories',)], got "
                f"{shown(self.namespaces)}; None keeps the history of all"
            )
        for labels in self.namespaces or ():
            check_labels(labels)

    @property
    def covered(self) -> list[str] | None:
        """The stored forms of `namespaces`, sorted."""
        if self.namespaces is None:
            return None
        return sorted({encode_labels(check_labels(labels)) for labels in self.namespaces})

    @property
    def retention(self) -> timedelta | None:
        """How long history is kept."""
        return None if self.keep_days is None else timedelta(days=self.keep_days)


def history_option(given: bool | History | None) -> History | None:
    """Return the checked `history=` option; None for no history.

    Raises:
        ConfigurationError: it is neither a bool nor a `History`.
    """
    if given is None or given is False:
        return None
    if given is True:
        return History()
    if isinstance(given, History):
        return given
    raise ConfigurationError(
        f"history is True, or a History(...) of langgraph_agentstore.security, got {shown(given)}"
    )

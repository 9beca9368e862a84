"""Backups at intervals by a thread, which keeps the newest ones."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from .._support.lifecycle import Closing
from ..errors import InvalidOperationError
from ..model.checks import check_whole, is_number

logger = logging.getLogger(__name__)

_TIME: Final = "%Y%m%dT%H%M%S.%fZ"
_ENDING: Final = ".jsonl.gz"
_LONGEST_MINUTES: Final = threading.TIMEOUT_MAX / 60


class BackupSchedule(Closing):
    """A thread that backs up at once and after each interval, until closed or the process ends.

    A failed backup is logged and its error kept as `last_error`. Older backups stay, and the next
    one is made on time. Use it in `with`, or call `close()`.

    Attributes:
        last_error: the error of the last backup; None if it succeeded.
    """

    def __init__(
        self,
        back_up: Callable[[Path], object],
        directory: Path,
        name: str,
        every_minutes: float,
        keep: int,
    ) -> None:
        self._interval_s = _checked_minutes(every_minutes) * 60
        self._keep = check_whole("keep", keep, 1)
        directory.mkdir(parents=True, exist_ok=True)
        self._back_up = back_up
        self._directory = directory
        self._name = name
        self._pattern = re.compile(rf"{re.escape(name)}-\d{{8}}T\d{{6}}\.\d{{6}}Z{_ENDING}")
        self._changed = threading.Condition()
        self._closing = False
        self._tried = 0
        self.last_error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="memory-backups", daemon=True)
        self._thread.start()

    def backups(self) -> list[Path]:
        """Return the paths of existing backups, oldest first."""
        files = self._directory.iterdir()
        return sorted(path for path in files if self._pattern.fullmatch(path.name))

    def wait_for(self, count: int, timeout_s: float | None = None) -> bool:
        """Wait for `count` tried backups in all, or for the end; return whether they were tried."""
        with self._changed:
            self._changed.wait_for(lambda: self._tried >= count or self._closing, timeout_s)
            return self._tried >= count

    def close(self) -> None:
        """Stop after the backup in progress. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            self._try()
            with self._changed:
                self._tried += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closing, self._interval_s)

    def _try(self) -> None:
        now = datetime.now(timezone.utc).strftime(_TIME)
        try:
            self._back_up(self._directory / f"{self._name}-{now}{_ENDING}")
            for old in self.backups()[: -self._keep]:
                old.unlink(missing_ok=True)
        except Exception as error:
            logger.exception("a backup of memories into %s failed", self._directory)
            self.last_error = error
        else:
            self.last_error = None


def _checked_minutes(minutes: float) -> float:
    if not is_number(minutes) or not math.isfinite(minutes) or not 0 < minutes <= _LONGEST_MINUTES:
        raise InvalidOperationError(
            f"every_minutes is above 0 and at most {_LONGEST_MINUTES:.0f}, got {minutes!r}"
        )
    return minutes

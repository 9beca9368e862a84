"""Keys of turns: `{thread_id}_{YYYYMMDD}_{HHMMSS}_{8 hex}`, in UTC.

The first five hex digits are the microsecond. The last three are a number that distinguishes turns
of one microsecond. In code point order, the keys of a thread are therefore in the order of its
turns, and a page of a thread is a range of keys. Keys are parsed from the right, because a thread
id may contain `_`.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count
from random import SystemRandom
from uuid import UUID

from typing_extensions import Self

from ..errors import InvalidKeyError, ValueTypeError
from ..model.json_values import check_text, shown

_KEY = re.compile(r"(.+)_([0-9]{8}_[0-9]{6})_([0-9a-f]{8})", re.DOTALL)
_SECOND = "%Y%m%d_%H%M%S"
_MICROSECOND = timedelta(microseconds=1)
_DISTINCT = 4096

_numbers = count(SystemRandom().randrange(_DISTINCT))
"""Numbers, distinct within that many turns of a process, from a random beginning."""


class _Clock:
    """A clock that never returns a time twice in a process, and never goes back."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._last = datetime.min.replace(tzinfo=timezone.utc)

    def now(self) -> datetime:
        with self._gate:
            self._last = max(datetime.now(timezone.utc), self._last + _MICROSECOND)
            return self._last

    def after_fork(self) -> None:
        """Replace the lock, which another thread of the parent may have held."""
        self._gate = threading.Lock()


_clock = _Clock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clock.after_fork)


def next_moment() -> datetime:
    """Return the time in UTC; each call in a process returns a later one."""
    return _clock.now()


def check_thread_id(thread_id: object) -> str:
    """Return the thread id if it is valid: a non-empty string that Postgres can hold.

    Raises:
        ValueTypeError: it is not a string.
        InvalidKeyError: it is empty.
        InvalidValueError: it contains NUL or a lone surrogate.
    """
    if not isinstance(thread_id, str):
        raise ValueTypeError(
            f"a thread id is a string, got {type(thread_id).__name__} {shown(thread_id)}; "
            "convert it"
        )
    if not thread_id:
        raise InvalidKeyError("a thread id is a non-empty string, got ''")
    check_text(thread_id, "the thread id")
    return str.__str__(thread_id)


def thread_id_of_run(thread_id: object) -> str:
    """Return the thread id that a run was given as text: 7 and UUIDs have an obvious text.

    Raises:
        ValueTypeError, InvalidKeyError, InvalidValueError: as `check_thread_id`.
    """
    if isinstance(thread_id, UUID) or type(thread_id) is int:
        return str(thread_id)
    return check_thread_id(thread_id)


def in_utc(moment: object) -> datetime:
    """Return the same moment in UTC.

    Raises:
        ValueTypeError: it is not a datetime, or has no time zone.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueTypeError(
            f"a time is a datetime with a time zone, got {shown(moment)}; "
            "write datetime(…, tzinfo=timezone.utc)"
        )
    return moment.astimezone(timezone.utc)


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """The key of a turn: `thread-123_20241227_143000_abc12345`.

    `at` is in UTC, to the second; `suffix` is eight lower-case hex digits.
    """

    thread_id: str
    at: datetime
    suffix: str

    @classmethod
    def new(cls, thread_id: str, at: datetime | None = None) -> Self:
        """Return a new unique key of the thread, for the current time or for `at`."""
        moment = next_moment() if at is None else in_utc(at)
        number = next(_numbers) % _DISTINCT
        suffix = f"{moment.microsecond:05x}{number:03x}"
        return cls(check_thread_id(thread_id), moment.replace(microsecond=0), suffix)

    @classmethod
    def parse(cls, key: str) -> Self:
        """Parse a result of `str(key)`, from the right.

        Raises:
            InvalidKeyError: it is not the key of a turn.
        """
        match = _KEY.fullmatch(key)
        at = _second(match[2]) if match else None
        if match is None or at is None:
            raise InvalidKeyError(
                f"{shown(key)} is not the key of a turn: a thread id, then _YYYYMMDD_HHMMSS_ and "
                "eight hex digits, such as thread-123_20241227_143000_abc12345"
            )
        return cls(match[1], at, match[3])

    def __str__(self) -> str:
        # Not strftime, which writes years before 1000 without their zeros.
        at = self.at
        day, time = f"{at.year:04}{at.month:02}{at.day:02}", at.strftime("%H%M%S")
        return f"{self.thread_id}_{day}_{time}_{self.suffix}"


def moment_in_key(moment: datetime) -> str:
    """Return the end of the first key that a turn of this moment can have, behind the thread."""
    at = in_utc(moment)
    return str(ConversationKey("", at, f"{at.microsecond:05x}000"))[1:]


def _second(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _SECOND).replace(tzinfo=timezone.utc)
    except ValueError:
        return None

"""Keys of turns: `{thread_id}_{YYYYMMDD}_{HHMMSS}_{8 hex}`, in UTC.

The first five hex digits are the microsecond, the last three a number that tells turns of one
microsecond apart: so the keys of a thread sort as its turns were said, by code point, and a page
of a thread is a range of keys. Keys are read from the right, since a thread id may hold `_`.
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
from ..model.json_values import check_text

_KEY = re.compile(r"(.+)_([0-9]{8}_[0-9]{6})_([0-9a-f]{8})", re.DOTALL)
_SECOND = "%Y%m%d_%H%M%S"
_MICROSECOND = timedelta(microseconds=1)
_TELLING_APART = 4096

_numbers = count(SystemRandom().randrange(_TELLING_APART))
"""Never twice the same within so many turns of a process; where it begins is chance."""


class _Clock:
    """The time, never the same twice in a process and never going back."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._last = datetime.min.replace(tzinfo=timezone.utc)

    def now(self) -> datetime:
        with self._gate:
            self._last = max(datetime.now(timezone.utc), self._last + _MICROSECOND)
            return self._last

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock."""
        self._gate = threading.Lock()


_clock = _Clock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clock.after_fork)


def now() -> datetime:
    """The time in UTC; each call of a process gives a later one, by a microsecond at least."""
    return _clock.now()


def check_thread_id(thread_id: object) -> str:
    """The thread id, if it can be one: a non-empty string that Postgres can hold.

    Raises:
        ValueTypeError: it is no string.
        InvalidKeyError: it is empty.
        InvalidValueError: it holds NUL or a lone surrogate.
    """
    if not isinstance(thread_id, str):
        raise ValueTypeError(
            f"a thread id is a string, got {type(thread_id).__name__} {thread_id!r}; convert it"
        )
    if not thread_id:
        raise InvalidKeyError("a thread id is a non-empty string, got ''")
    check_text(thread_id, "the thread id")
    return str.__str__(thread_id)


def thread_id_of_run(thread_id: object) -> str:
    """Returns the thread id that a run was given, as text: 7 and UUIDs have an obvious one.

    Raises:
        ValueTypeError, InvalidKeyError, InvalidValueError: as `check_thread_id`.
    """
    if isinstance(thread_id, UUID) or type(thread_id) is int:
        return str(thread_id)
    return check_thread_id(thread_id)


def in_utc(moment: object) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueTypeError: it is no datetime, or says of no time zone which moment it means.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueTypeError(
            f"a time is a datetime with a time zone, got {moment!r}; "
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
        """A key that no other turn of the thread has, for now or for another moment."""
        moment = now() if at is None else in_utc(at)
        number = next(_numbers) % _TELLING_APART
        suffix = f"{moment.microsecond:05x}{number:03x}"
        return cls(check_thread_id(thread_id), moment.replace(microsecond=0), suffix)

    @classmethod
    def parse(cls, key: str) -> Self:
        """What `str(key)` gave, taken apart from the right.

        Raises:
            InvalidKeyError: it is no key of a turn.
        """
        match = _KEY.fullmatch(key)
        at = _second(match[2]) if match else None
        if match is None or at is None:
            raise InvalidKeyError(
                f"{key!r} is not the key of a turn: a thread id, then _YYYYMMDD_HHMMSS_ and eight "
                "hex digits, such as thread-123_20241227_143000_abc12345"
            )
        return cls(match[1], at, match[3])

    def __str__(self) -> str:
        # Not strftime, which writes years before 1000 without their zeros.
        at = self.at
        day, time = f"{at.year:04}{at.month:02}{at.day:02}", at.strftime("%H%M%S")
        return f"{self.thread_id}_{day}_{time}_{self.suffix}"


def _second(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _SECOND).replace(tzinfo=timezone.utc)
    except ValueError:
        return None

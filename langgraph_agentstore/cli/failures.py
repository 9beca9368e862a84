"""The end of a command: one line on stderr for an error, and the exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any

from ..errors import (
    AgentStoreError,
    ConfigurationError,
    EmbeddedPostgresError,
    InvalidFilterError,
    InvalidKeyError,
    InvalidNamespaceError,
    InvalidOperationError,
    InvalidValueError,
    MissingExtraError,
    MissingUserError,
    StoreTimeoutError,
    StoreUnavailableError,
    ValueTypeError,
)
from ..tools.printable import one_line
from .command_words import in_command_words

_USAGE = (
    *(ConfigurationError, MissingExtraError, InvalidFilterError, InvalidKeyError),
    *(InvalidNamespaceError, InvalidOperationError, InvalidValueError, MissingUserError),
    *(ValueTypeError,),
)
_UNREACHABLE = (StoreUnavailableError, StoreTimeoutError, EmbeddedPostgresError)
_LONGEST_LINE = 2000


class Status(IntEnum):
    """The exit statuses of the command."""

    DONE = 0
    NO = 1
    """A negative answer: no such item, a finding that matters, a damaged file."""
    USAGE = 2
    UNREACHABLE = 3
    FAILED = 4
    NOT_CONFIRMED = 5
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141
    TERMINATED = 143


class Stop(Exception):
    """The end of a command with another status than 0; `message` is shown, if there is one."""

    def __init__(self, status: Status, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Terminated(SystemExit):
    """Somebody ended the process by SIGTERM, as managers of services do.

    No KeyboardInterrupt, of which the parser would make an error of its own.
    """


class OutputClosed(Exception):
    """The reader of standard output has gone, as `head` does."""


def run_to_status(run: Callable[[], int]) -> int:
    """Run the command; return its status after telling of any error.

    SIGTERM ends it as Ctrl-C does, so that the bundled server ends with its last command.
    """
    # Not what ignores it: whoever started this wants that.
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run_telling(run)
    except OutputClosed:
        # What is still buffered has no reader; the interpreter flushes once more at its end.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.OUTPUT_CLOSED


def _terminate(_number: int, _frame: Any) -> None:
    raise Terminated


def _run_telling(run: Callable[[], int]) -> int:
    try:
        return run()
    except Stop as stop:
        return _tell(stop.message, stop.status)
    except AgentStoreError as error:
        return _tell(str(error), status_of(error))
    except OSError as error:  # of a file that the arguments name
        return _tell(str(error), Status.FAILED)
    except Terminated:
        return _tell("ended by SIGTERM", Status.TERMINATED)
    except KeyboardInterrupt:
        return _tell("interrupted", Status.INTERRUPTED)


def status_of(error: AgentStoreError) -> Status:
    """Return the status that a kind of error ends the command with."""
    if isinstance(error, _UNREACHABLE):
        return Status.UNREACHABLE
    return Status.USAGE if isinstance(error, _USAGE) else Status.FAILED


def _tell(message: str, status: Status) -> int:
    if message:
        # One line, which also keeps an editor's or a log's parser happy.
        line = one_line(in_command_words(" ".join(message.split())), _LONGEST_LINE)
        with suppress(OSError):
            sys.stderr.write(f"agentstore: {line}\n")
    return status

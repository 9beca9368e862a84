"""The table of commands, and the run of one."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import Any

import typer

from . import look, operate
from .commands import show_warnings, with_run
from .failures import OutputClosed, Status, Stop

_LOOK_GROUP, _RUN_GROUP = "Look", "Run"

COMMANDS: tuple[tuple[str, Callable[..., None], str, str], ...] = (
    ("ls", look.ls, _LOOK_GROUP, "agentstore ls users/alice/notes --filter 'n>=2'"),
    ("get", look.get, _LOOK_GROUP, "agentstore get users/alice/notes tea"),
    (
        "check-project",
        operate.show_unguarded_actions,
        _RUN_GROUP,
        "agentstore check-project langgraph.json",
    ),
    ("doctor", operate.doctor, _RUN_GROUP, "agentstore doctor --profile production"),
)
"""Name, function, group and example of each command."""

_WITHOUT_SERVER = (operate.show_unguarded_actions,)


def make_app() -> Any:
    """Return the command line of all commands."""
    app = typer.Typer(
        name="agentstore",
        help="Look at a store, change it, move it, and run its server.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_all_commands)
    for name, function, group, example in COMMANDS:
        register = app.command(name, rich_help_panel=group, epilog=f"Example: {example}")
        register(function if function in _WITHOUT_SERVER else with_run(function))
    return app


def _all_commands() -> None:
    """Look at a store, change it, move it, and run its server."""


def run_app(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; return its status.

    Raises:
        Stop, OutputClosed, AgentStoreError, KeyboardInterrupt.
    """
    show_warnings()
    try:
        status = make_app()(args=list(arguments), prog_name="agentstore", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise OutputClosed from None
        raise
    except Exception as error:
        # The errors of the parser have no public base class that all its releases share.
        if not hasattr(error, "format_message"):
            raise
        raise Stop(Status.USAGE, f"{error.format_message()} (see --help)") from None
    return status if isinstance(status, int) else Status.DONE

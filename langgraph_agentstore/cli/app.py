"""The table of commands, and the run of one."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer

from .commands import show_warnings, with_run
from .failures import OutputClosed, Status, Stop

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Look": {
        "users": ("overview.users", "users --limit 20"),
        "tree": ("overview.tree", "tree users/alice"),
        "ls": ("look.ls", "ls users/alice/notes --filter 'n>=2'"),
        "get": ("look.get", "get users/alice/notes tea"),
        "search": ("find.search", "search 'green tea' --user alice --mode text"),
        "count": ("overview.count", "count users/alice --filter 'n>=2'"),
        "history": ("past.history", "history users/alice/notes tea --since 7d"),
        "audit": ("past.audit", "audit verify"),
        "watch": ("find.watch", "watch users/alice/notes"),
        "top": ("overview.top", "top --by size --limit 20"),
        "stats": ("overview.stats", "stats"),
    },
    "Change": {
        "put": ("change.put", """put users/alice/notes tea '{"text": "80 degrees"}'"""),
        "rm": ("change.rm", "rm users/alice/notes tea --yes"),
        "cp": ("change.cp", "cp users/alice/notes users/bob/notes --key tea"),
        "mv": ("change.mv", "mv users/alice/notes users/alice/archive --yes"),
        "forget-user": ("change.forget_user", "forget-user alice --yes"),
    },
    "Move": {
        "export": ("transfers.export_store", "export alice.jsonl.gz --user alice"),
        "import": ("transfers.import_file", "import alice.jsonl.gz --on-conflict skip"),
        "verify": ("transfers.verify_file", "verify alice.jsonl.gz"),
        "copy": ("transfers.copy_store", "copy --to-profile staging --user alice"),
        "backup": ("transfers.backup", "backup ~/backups --keep 7"),
        "restore": ("transfers.restore", "restore users/alice --as-of 2h --yes"),
        "migrate-from-langgraph": (
            "transfers.migrate_from_langgraph",
            "migrate-from-langgraph postgresql://db.example.com/old --dry-run",
        ),
    },
    "Run": {
        "setup": ("operate.setup", "setup --print-sql"),
        "reindex": ("operate.reindex", "reindex --profile production"),
        "doctor": ("operate.doctor", "doctor --profile production"),
        "check-project": ("operate.show_unguarded_actions", "check-project langgraph.json"),
        "start": ("bundled.start", "start --path ~/stores/experiment"),
        "stop": ("bundled.stop", "stop --path ~/stores/experiment"),
        "where": ("bundled.where", "where"),
        "psql": ("bundled.psql", "psql -- -c 'SELECT count(*) FROM agentstore.item'"),
        "ui": ("serve.ui", "ui --user alice --write"),
        "mcp": ("serve.mcp", "mcp --user alice"),
        "bench-here": ("bench.bench_here", "bench-here --seconds 10"),
    },
}
"""The commands by group and name: the function in a module beside this, and an example."""

_NAMES = frozenset(name for commands in GROUPS.values() for name in commands)
_WITHOUT_SERVER = ("check-project",)


def make_app(only: str | None = None) -> Any:
    """Return the command line of all commands, or of one: the others are not imported then."""
    app = typer.Typer(
        name="agentstore",
        help="Look at a store, change it, move it, and run its server.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_all_commands)
    for group, commands in GROUPS.items():
        for name, (place, example) in commands.items():
            if only in (None, name):
                function = _function_at(place)
                epilog = f"Example: agentstore {example}"
                register = app.command(name, rich_help_panel=group, epilog=epilog)
                register(function if name in _WITHOUT_SERVER else with_run(function))
    return app


def _function_at(place: str) -> Any:
    module, _, name = place.partition(".")
    return getattr(import_module(f".{module}", __package__), name)


def _all_commands() -> None:
    """Look at a store, change it, move it, and run its server."""


def run_app(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; return its status.

    Raises:
        Stop, OutputClosed, AgentStoreError, KeyboardInterrupt.
    """
    show_warnings()
    only = arguments[0] if arguments and arguments[0] in _NAMES else None
    try:
        status = make_app(only)(args=list(arguments), prog_name="agentstore", standalone_mode=False)
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
        raise Stop(Status.USAGE, f"{_usage_text(error)} (see --help)") from None
    if status == Status.INTERRUPTED:  # the parser's own word for it
        raise KeyboardInterrupt
    return status if isinstance(status, int) else Status.DONE


def _usage_text(error: Any) -> str:
    """Return what the parser says, without the words of the libraries below it."""
    text: str = error.format_message()
    return text.replace("Value error, ", "").rstrip(".")

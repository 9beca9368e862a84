"""Give every command the options of the server and of the output, and close its stores."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

import typer

from ..config.index_options import search_index
from ..errors import MigrationError
from ..sql.statement import Users
from ..store.agent_store import AgentStore
from ..store.executor import READY
from ..tools.printable import one_line
from ..tools.store_size_sql import StoredSearch, plan_stored_search
from .command_words import in_command_words
from .failures import Status, Stop
from .output import Output, note
from .server import Server, chosen_server

NamespaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAMESPACE", help="Such as users/alice/notes; a slash in a label is %2F."
    ),
]
OptionalNamespace = Annotated[
    str,
    typer.Argument(metavar="[NAMESPACE]", show_default=False, help="Such as users/alice/notes."),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The item's key.")]
User = Annotated[
    str | None, typer.Option("--user", "-u", help="NAMESPACE is relative to this user.")
]
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", "-f", help="A condition such as 'age>=18', or a filter as JSON."),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many at most; 0 for all.")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do it; otherwise only tell what it would do.")
]

WORDS_INDEX = {"mode": "text"}
"""The index of searches and writes where no profile names one: by words."""

_OPTIONS: dict[str, Any] = {
    "dsn": Annotated[
        str | None,
        typer.Option(help="The server: postgresql://… (or AGENTSTORE_DSN, unseen by others)."),
    ],
    "read_dsn": Annotated[
        str | None,
        typer.Option(help="Standbys that answer reads (or AGENTSTORE_READ_DSN beside the other)."),
    ],
    "profile": Annotated[str | None, typer.Option(help="A profile of profiles.toml.")],
    "path": Annotated[str | None, typer.Option(help="The folder of the bundled Postgres.")],
    "schema": Annotated[str | None, typer.Option(help="The Postgres schema of the tables.")],
}
_AS_JSON = Annotated[
    bool | None,
    typer.Option(
        "--json/--table", show_default=False, help="JSON lines (as when piped), or a table."
    ),
]


@dataclass(slots=True)
class CommandRun:
    """One run of a command: its server and its output."""

    server: Server
    output: Output
    _stores: list[AgentStore] = field(default_factory=list)

    def store(self, index: Mapping[str, Any] | None = None) -> AgentStore:
        """Return a store on the server; it is closed when the command ends."""
        return self._opened(self.server, index)

    def indexed(self) -> AgentStore:
        """Return a store with the index of the profile."""
        return self.store(self.server.index)

    def writing(self, users: Users = ()) -> AgentStore:
        """Return a store for writes, by the index of the profile.

        Without one, items are found as the others of the store are: by words, or not at all. Into
        an empty store they are written by words. Of another index, a warning tells.

        Args:
            users: who is written to, where row level security hides the items of others.
        """
        return self.writing_on(self.server, users)

    def writing_on(self, server: Server, users: Users = ()) -> AgentStore:
        """Return a store for writes on any server, as `writing` does."""
        if server.index is not None:
            return self._opened(server, server.index)
        store = self._opened(server, None)
        found = store.executor.run(plan_stored_search(store.planner.context, users))
        if _is_found_by_words(found):
            return self._opened(server, WORDS_INDEX)
        if not (found.has_vectors or found.has_words):
            return store
        note(
            "warning: items are written without their search index, since no profile names "
            "one: searches by a query find them only after `agentstore reindex`"
        )
        return store

    def _opened(self, server: Server, index: Mapping[str, Any] | None) -> AgentStore:
        store = server.store(index)
        self._stores.append(store)
        return store

    def reading(self, index: Mapping[str, Any] | None = None) -> AgentStore:
        """Return an open store that changes nothing, not even by setting up the schema."""
        store = self.server.store(index, read_only=True)
        self._stores.append(store)
        try:
            store.executor.run(READY)
        except MigrationError:
            raise Stop(
                Status.FAILED,
                f"schema {self.server.schema!r} is not set up yet, or not for this release, and "
                "looking changes nothing: `agentstore setup` sets it up, `agentstore doctor` tells "
                "more",
            ) from None
        return store

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Close the stores at the end of the block, then write what is buffered."""
        try:
            yield
        finally:
            for store in self._stores:
                store.close()
        self.output.flush()


def _is_found_by_words(found: StoredSearch) -> bool:
    """Tell whether all indexed items are found by `WORDS_INDEX`; also of an empty store."""
    words = search_index(WORDS_INDEX)
    others = set(found.words_by) - {None if words is None else words.words_by}
    is_without = found.has_unindexed and not found.words_by
    return not (found.has_vectors or others or is_without)


def with_run(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options, and pass them to it as its first argument."""

    def command(**given: Any) -> None:
        named = {name: given.pop(name) for name in _OPTIONS}
        run = CommandRun(chosen_server(**named), Output(given.pop("as_json")))
        with run.closing():
            function(run, **given)

    own = list(inspect.signature(function).parameters.values())[1:]
    hints = get_type_hints(function, include_extras=True)
    shared = list(_OPTIONS.items())
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in [*shared, ("as_json", _AS_JSON)]
    ]
    parameters = [each.replace(annotation=hints[each.name]) for each in own]
    command.__signature__ = inspect.Signature([*parameters, *keywords])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in [*parameters, *keywords]}
    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    return command


class _WarningLine(logging.Handler):
    """Writes each warning of the package as one line."""

    def emit(self, record: logging.LogRecord) -> None:
        message = one_line(in_command_words(record.getMessage()))
        sys.stderr.write(f"{record.levelname.lower()}: {message}\n")


def show_warnings() -> None:
    """Write the package's warnings to standard error, one line each."""
    logger = logging.getLogger("langgraph_agentstore")
    if not logger.handlers:
        logger.addHandler(_WarningLine(logging.WARNING))

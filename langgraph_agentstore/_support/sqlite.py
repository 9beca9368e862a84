"""LangGraph's store in an SQLite file, opened so that several processes may use it."""

from __future__ import annotations

import sqlite3
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from .files import expanded, lock_beside, made_private
from .optional import imported

SQLITE_TIMEOUT_S: Final = 30.0
IN_MEMORY: Final = ":memory:"
_PUTS_PER_STATEMENT: Final = 5000


def open_sqlite(path: str | Path) -> Any:
    """Open an official `SqliteStore`; closing its `conn` closes it.

    Creates the file if needed. `":memory:"` uses no file; its data end with the process.

    Raises:
        MissingExtraError: langgraph-checkpoint-sqlite is not installed.
    """
    kind = _sqlite_store()
    # Two that make the tables at once would fail.
    path = path if str(path) == IN_MEMORY else expanded(path).resolve()
    alone = nullcontext() if str(path) == IN_MEMORY else lock_beside(Path(path)).held()
    with alone:
        if str(path) != IN_MEMORY and not Path(path).exists():
            made_private(Path(path))
        connection = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=SQLITE_TIMEOUT_S
        )
        try:
            store = kind(connection)
            store.setup()
        except BaseException:
            connection.close()
            raise
    return store


def _sqlite_store() -> Any:
    """Return LangGraph's store, with writes of any number in one transaction."""
    official: Any = imported("langgraph.store.sqlite", "sqlite").SqliteStore

    class SqliteStore(official):  # type: ignore[misc]  # known at run time alone
        def _batch_put_ops(self, put_ops: Any, cursor: Any) -> None:
            # One statement for all has more parameters than SQLite allows.
            for start in range(0, len(put_ops), _PUTS_PER_STATEMENT):
                super()._batch_put_ops(put_ops[start : start + _PUTS_PER_STATEMENT], cursor)

    return SqliteStore

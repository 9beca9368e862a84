"""The rows of a person beside the items: history, locks, audit, usage and whatever is a user's."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.store.base import BaseStore

from ..errors import ConfigurationError, InvalidOperationError
from ..model.namespaces import Labels
from ..model.users import check_user_id
from ..store.base import StoreBase
from ..store.step_driver import On, Steps
from ..store.user_views import PerUserStore
from .file_kinds import Kind
from .formats.base import Document
from .person_sql import BESIDE_ITEMS, FIRST_ROW, plan_rows

ROWS_PER_PAGE = 500
"""Rows per statement."""


def rows_beside(
    store: BaseStore, user_id: str | None, prefix: Labels | None, kind: Kind
) -> RowsBeside:
    """Return the reader of what a user has beside the items.

    Raises:
        InvalidOperationError: there is no user, only a part of one, or no store of this package.
        ConfigurationError: the format has no place for other rows.
    """
    if user_id is None or prefix is not None:
        raise InvalidOperationError(
            "export: everything=True is of one person: name user_id, and leave prefix out"
        )
    if not isinstance(store, StoreBase) or isinstance(store, PerUserStore):
        raise InvalidOperationError(
            "export: everything=True needs an AgentStore, or its for_user(…), got a "
            f"{type(store).__name__}; other stores have items alone"
        )
    if kind.format != "jsonl":
        raise ConfigurationError(
            f"export: everything=True is written as JSON Lines, not as {kind.format}: name the "
            "file .jsonl, .jsonl.gz or .jsonl.zst"
        )
    return RowsBeside(store, check_user_id(user_id))


class RowsBeside:
    """A reader of a user's rows, table by table."""

    def __init__(self, store: StoreBase, user_id: str) -> None:
        self.user_id = user_id
        self._store = store
        self._tables = list(BESIDE_ITEMS)
        self._after = FIRST_ROW

    def next_page(self) -> Steps[Sequence[Document]]:
        """Return the next rows as documents of a table and a row; none at the end."""
        while self._tables:
            table = self._tables[0]
            context = self._store.planner.context
            statement = plan_rows(table, self.user_id, self._after, ROWS_PER_PAGE, context)
            [page] = yield On(self._store.executor, [statement])
            if page:
                self._after = page[-1][0]
                return [{"table": table, "row": row} for _, row in page]
            self._tables.pop(0)
            self._after = FIRST_ROW
        return []


def is_beside(document: object) -> bool:
    """Return whether an entry of a file is a row beside the items, which no import writes."""
    return isinstance(document, dict) and document.keys() == {"table", "row"}

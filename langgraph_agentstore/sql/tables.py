"""The tables of a schema: their names, and which of them have rows of users."""

from __future__ import annotations

from dataclasses import dataclass

USER_TABLES = (
    "item",
    "item_access",
    "item_lock",
    "watch",
    "change",
    "item_history",
    "item_read",
    "quarantined_item",
    "quota_usage",
    "share",
)
"""The tables with rows of users, by the column `user_id`; and so have all sets of vectors."""

ALSO_OF_USERS = {"share": ("with_user", "granted_by"), "watch": ("watcher",)}
"""Further columns that name users, by table: such a row is about each of them."""

OF_THEIR_OWNER = frozenset({"item_history", "item_read"})
"""Those of them that only functions of their owner write."""


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def about_user(table: str) -> str:
    """Return the condition that a row of a table, or of its alias, is about the user `$1`."""
    return " OR ".join(f"{name} = $1" for name in ("user_id", *ALSO_OF_USERS.get(table, ())))


@dataclass(frozen=True, slots=True)
class Tables:
    """The quoted names of one schema's objects, ready to stand in SQL.

    `extension`: the schema of pgvector's types and operators, once a connection has told it; its
    names are then found whatever the search_path is.
    """

    schema: str
    extension: str | None = None

    @property
    def quoted(self) -> str:
        return quoted_name(self.schema)

    @property
    def of_extension(self) -> str:
        """The qualifier of pgvector's names."""
        return "" if self.extension is None else f"{quoted_name(self.extension)}."

    def operator(self, operator: str) -> str:
        """Return an operator of pgvector."""
        return operator if self.extension is None else f"OPERATOR({self.of_extension}{operator})"

    @property
    def item(self) -> str:
        return f"{self.quoted}.item"

    @property
    def migration(self) -> str:
        return f"{self.quoted}.migration"

    @property
    def vector_set(self) -> str:
        return f"{self.quoted}.vector_set"

    @property
    def item_access(self) -> str:
        return f"{self.quoted}.item_access"

    @property
    def item_lock(self) -> str:
        return f"{self.quoted}.item_lock"

    @property
    def watch(self) -> str:
        return f"{self.quoted}.watch"

    @property
    def change(self) -> str:
        return f"{self.quoted}.change"

    @property
    def tell_change(self) -> str:
        return f"{self.quoted}.tell_change"

    def named(self, name: str) -> str:
        """Return a table or a function of the schema that one feature alone uses."""
        return f"{self.quoted}.{name}"

    @property
    def legal_hold(self) -> str:
        return f"{self.quoted}.legal_hold"

    @property
    def quota(self) -> str:
        return f"{self.quoted}.quota"

    @property
    def quota_usage(self) -> str:
        return f"{self.quoted}.quota_usage"

    @property
    def erased_user(self) -> str:
        return f"{self.quoted}.erased_user"

    def item_vector(self, number: int) -> str:
        """Return the table of one set of vectors, of one embedder and one length."""
        return f"{self.quoted}.item_vector_{number}"

"""OwnSettings of one statement: it sets them itself, before it reads its first row.

A setting made by `set_config(…, true)` lasts until the end of the transaction, which for a
statement sent alone is its own end. So nothing is left in the session, and no round trip is added.

A statement `WITH … SELECT …` becomes

    WITH … SELECT s.* FROM (SELECT * FROM (SELECT …) q OFFSET 0) s
     WHERE (SELECT set_config(…)) IS NOT NULL

The condition has no column, so Postgres evaluates it once, in a Result node above all others.
OFFSET 0 keeps the inner SELECT a plan of its own, below that node. CTEs run when somebody reads
them, or after the main SELECT: in either case after that node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

OwnSettings: TypeAlias = Sequence[tuple[str, str]]
"""Names and values, such as `("agentstore.users", "{alice}")`."""

USERS_SETTING = "agentstore.users"
"""The setting with the users whose rows a statement may see."""

_SQL_TOKEN = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|[()]|[A-Za-z_]\w*""")
_CHANGES = ("INSERT", "UPDATE", "DELETE")


def with_settings(
    sql: str, arguments: Sequence[Any], settings: OwnSettings
) -> tuple[str, Sequence[Any]]:
    """Return the statement that makes these settings first, and its arguments."""
    if not settings:
        return sql, arguments
    names = tuple(name for name, _ in settings)
    values = [value for _, value in settings]
    return _sql_with_settings(sql, len(arguments), names), (*arguments, *values)


def users_setting(users: Iterable[str]) -> tuple[str, str]:
    """Return the setting of `USERS_SETTING`: an array literal."""
    return USERS_SETTING, f"{{{','.join(map(_quoted_user, users))}}}"


@lru_cache(maxsize=8192)
def _quoted_user(user_id: str) -> str:
    escaped = user_id.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache(maxsize=4096)
def _sql_with_settings(sql: str, count: int, names: tuple[str, ...]) -> str:
    calls = [f"set_config('{name}', ${n}, true)" for n, name in enumerate(names, count + 1)]
    told = calls[0] if len(calls) == 1 else f"concat({', '.join(calls)})"
    parts = _divided_sql(sql)
    ctes, main = parts.ctes, parts.main
    if main.startswith(_CHANGES):
        ctes = [*ctes, f"written_last AS (\n{main}\n)"]
        if not parts.returns:
            return f"{_with(parts, ctes)}SELECT 1 WHERE (SELECT {told}) IS NULL"
        main = "SELECT * FROM written_last"
    return f"""
{_with(parts, ctes)}SELECT s.* FROM (SELECT * FROM (
{main}
) q OFFSET 0) s
 WHERE (SELECT {told}) IS NOT NULL"""


def _with(parts: _Parts, ctes: Sequence[str]) -> str:
    return f"WITH {parts.recursive}{', '.join(ctes)}\n" if ctes else ""


@dataclass(frozen=True, slots=True)
class _Parts:
    """`RECURSIVE ` or nothing, the CTEs as one text if there are any, and the main statement.

    `returns`: whether the main statement has RETURNING.
    """

    recursive: str
    ctes: list[str]
    main: str
    returns: bool


def _divided_sql(sql: str) -> _Parts:
    words = list(_outer_words(sql))
    # A union of parts in parentheses has none: it is the main statement from its beginning on.
    start = next((position for word, position in words if word in ("SELECT", *_CHANGES)), 0)
    ctes = sql[:start].strip().removeprefix("WITH").lstrip()
    recursive = "RECURSIVE " if ctes.startswith("RECURSIVE ") else ""
    ctes = ctes.removeprefix(recursive).rstrip()
    return _Parts(
        recursive,
        [ctes] if ctes else [],
        sql[start:].strip(),
        any(word == "RETURNING" for word, _ in words),
    )


def _outer_words(sql: str) -> Iterator[tuple[str, int]]:
    """Yield each word outside parentheses, texts and comments, with its position."""
    depth = 0
    for found in _SQL_TOKEN.finditer(sql):
        token = found[0]
        depth += (token == "(") - (token == ")")
        if depth == 0 and token not in "()":
            yield token, found.start()

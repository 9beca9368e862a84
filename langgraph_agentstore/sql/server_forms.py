"""Statements that were planned before the store opened, in the forms for both kinds of server."""

from __future__ import annotations

import re
from functools import lru_cache

_ONE_SERVER, _DISTRIBUTED, _END = "\x1d", "\x1e", "\x1f"
_FORMS = re.compile("\x1d([^\x1d\x1e\x1f]*)\x1e([^\x1d\x1e\x1f]*)\x1f")


def both_forms(on_one_server: str, distributed: str) -> str:
    """Return SQL that has both forms, for `form_of`."""
    return f"{_ONE_SERVER}{on_one_server}{_DISTRIBUTED}{distributed}{_END}"


@lru_cache(maxsize=1024)
def form_of(sql: str, *, distributed: bool) -> str:
    """Return the form of a statement for this kind of server."""
    found = 1
    while found:  # innermost first
        sql, found = _FORMS.subn(r"\2" if distributed else r"\1", sql)
    return sql

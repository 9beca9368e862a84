"""Attribution: a statement that writes items tells the triggers who writes them, and why.

The triggers read the setting `agentstore.provenance`. The statement sets it itself, so it costs no
round trip and ends with the statement, whatever pooler lies between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from ...model.json_values import encode_value
from ...sql.statement import ItemId

SETTING = "agentstore.provenance"

Sent: TypeAlias = tuple[str, tuple[Any, ...]]
"""A statement's SQL and its arguments."""

_FIRST_ARGUMENT = re.compile(r"\$1(?!\d)(::text\[\])?")


def attributed(statement: Sent, setting: str) -> Sent:
    """Return a statement that writes items, with the setting `agentstore.provenance` set first.

    Its first argument is the user, or the users, of the items, so every write reads it.
    """
    sql, arguments = statement
    return _attributed_sql(sql, len(arguments) + 1), (*arguments, setting)


@lru_cache(maxsize=256)
def _attributed_sql(sql: str, n: int) -> str:
    # A subquery of no row's columns runs once, before the first row that it is compared with.
    said = f"set_config('{SETTING}', ${n}::text, true)"
    return _FIRST_ARGUMENT.sub(
        lambda found: f"(SELECT CASE WHEN {said} IS NOT NULL THEN {found[0]} END)", sql, count=1
    )


def setting_of(said: Sequence[str | None], item_ids: Sequence[ItemId]) -> str:
    """Return the value of the setting for writes of different items.

    `said`: the provenance of each, as JSON text.
    """
    different = list(dict.fromkeys(text or "{}" for text in said))
    who = ",".join(different)
    if len(different) == 1:
        return f'{{"who":[{who}]}}'
    numbers = {text: number for number, text in enumerate(different)}
    of = {
        _address(item_id): numbers[text or "{}"]
        for item_id, text in zip(item_ids, said, strict=True)
    }
    return f'{{"who":[{who}],"of":{encode_value(of).decode()}}}'


def _address(item_id: ItemId) -> str:
    """Return an id as one text, as `ADDRESS_SQL` does: the lengths keep two ids apart."""
    user_id, namespace, key = item_id
    return f"{len(user_id)}:{len(namespace)}:{user_id}{namespace}{key}"


ADDRESS_SQL = (
    "char_length(n.user_id) || ':' || char_length(n.namespace) || ':' "
    "|| n.user_id || n.namespace || n.key"
)

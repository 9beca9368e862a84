"""The setting by which a statement that writes items tells the triggers who writes them, and why.

The statement sets it itself, so it costs no round trip and ends with the statement, whatever pooler
lies between. See `sql/statement_settings.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...model.json_values import encode_value
from ...sql.statement import ItemId

PROVENANCE_SETTING = "agentstore.provenance"

ADDRESS_SQL = (
    "char_length(n.user_id) || ':' || char_length(n.namespace) || ':' "
    "|| n.user_id || n.namespace || n.key"
)
"""The address of a row `n` as one text; see `authors`."""


def authors(said: Sequence[str | None], item_ids: Sequence[ItemId]) -> str:
    """Return the value of the setting for writes of different items.

    `said`: the provenance of each, as JSON text. Where all are the same, no item is named.
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

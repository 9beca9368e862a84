"""Writes that tell of themselves, for users whose changes somebody watches.

Every statement that writes or removes items is wrapped so. Where nobody watches, that costs one
look into a table that is empty.
"""

from __future__ import annotations

from .model import Rules


def told(write: str, rules: Rules, result: str = "", *, gone: bool = False) -> str:
    """The statement `write`, of the table `item i`, which then tells what it wrote, or removed.

    `result`: what to return of each row `w` written (`user_id`, `namespace`, `key`, `version`);
    nothing comes back if it is empty.
    """
    return f"""
WITH written AS ({write}
    RETURNING i.user_id, i.namespace, i.key, i.version
)
{tell(rules, result, gone=gone)}"""


def tell(rules: Rules, result: str = "", *, gone: bool = False) -> str:
    """What follows a CTE `written`, as in `told`."""
    tables = rules.tables
    # First whether anybody watches at all: once a statement, not once a row.
    watched = f"""(SELECT EXISTS (SELECT FROM {tables.watch}))
   AND EXISTS (SELECT FROM {tables.watch} x WHERE x.user_id = w.user_id)"""
    arguments = f"w.user_id, w.namespace, w.key, w.version, {str(gone).lower()}"
    call = f"{tables.tell_change}({arguments})"
    if result:
        return f"""SELECT {result}, CASE WHEN {watched}
       THEN {call} END AS told
  FROM written w"""
    return f"""SELECT {call} FROM written w
 WHERE {watched}"""

"""Triggers of the controls: made when a control is first asked for, never by a migration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..sql.tables import Tables, quoted_name


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of one table of the schema.

    `when`: such as `AFTER INSERT`. `each`: what follows ON: `REFERENCING …`, `FOR EACH …`.
    `function`: the name of a function of the schema. `beside`: of a table in the schema whose name
    is that of the store's with this at its end; the function then gets the store's as argument.
    """

    name: str
    table: str
    when: str
    each: str
    function: str
    beside: str = ""

    def create(self, tables: Tables) -> str:
        """Return the statement that creates the trigger, or replaces one of its name."""
        table = f"{quoted_name(tables.schema + self.beside)}.{quoted_name(self.table)}"
        schema = tables.schema.replace("'", "''")
        argument = f"'{schema}'" if self.beside else ""
        return (
            f"CREATE OR REPLACE TRIGGER {self.name} {self.when} ON {table} {self.each} "
            f"EXECUTE FUNCTION {tables.quoted}.{self.function}({argument})"
        )


MISSING_TRIGGERS = """
SELECT w.position
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
       AS w (nspname, relname, tgname, position)
  JOIN pg_namespace n ON n.nspname = w.nspname
  JOIN pg_class c ON c.relname = w.relname AND c.relnamespace = n.oid
 WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = w.tgname)"""
"""The positions, from 1, of the triggers that are not there, of tables that are there."""


def missing_triggers_statement(
    triggers: Sequence[Trigger], tables: Tables
) -> tuple[str, tuple[object, ...]]:
    """Return the question for those of `triggers` that are to be created."""
    return MISSING_TRIGGERS, (
        [tables.schema + trigger.beside for trigger in triggers],
        [trigger.table for trigger in triggers],
        [trigger.name for trigger in triggers],
    )

"""Schemas that tests take in turn: creating one costs more than most tests do."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg

# Whatever a test can change but rows. `$1` is the schema; its keys have one of their own.
_SHAPE_SQL = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT concat_ws(' ', c.relname, c.relkind, c.reloptions, c.relacl, c.relowner,
                     c.relrowsecurity, c.relforcerowsecurity, c.relpersistence) AS line
      FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace
    UNION ALL
    SELECT concat_ws(' ', c.relname, a.attname, a.atttypid, a.attnotnull, a.atthasdef, a.attacl)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = $1::text::regnamespace AND a.attnum > 0
    UNION ALL
    SELECT concat_ws(' ', c.relname, t.tgname, t.tgenabled)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = $1::text::regnamespace AND NOT t.tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'function', p.proname, md5(replace(p.prosrc, $1::text, '')), p.proacl)
      FROM pg_proc p WHERE p.pronamespace = $1::text::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'constraint', k.conname, k.contype, k.convalidated)
      FROM pg_constraint k WHERE k.connamespace = $1::text::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'schema', replace(n.nspname, $1::text, ''), n.nspacl, n.nspowner)
      FROM pg_namespace n WHERE n.nspname IN ($1::text, $1::text || '_keys')
) lines"""

_TABLES_SQL = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r' AND c.relname <> 'migration'"""


class Schemas:
    """The schemas of one database that are free: set up, without rows, otherwise untouched."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._free: list[str] = []
        self._shape: str | None = None

    def take(self) -> str:
        """Return a free schema, or the name of one that does not exist."""
        return self._free.pop() if self._free else f"t_{uuid4().hex[:12]}"

    def note_shape(self, schema: str) -> None:
        """Remember the shape of a schema that was just set up."""
        if self._shape is None:
            self._shape = asyncio.run(self._shape_of(schema))

    def give_back(self, schema: str) -> None:
        """Empty a schema, and let another test have it; leave one that was changed as it is."""
        if asyncio.run(self._is_emptied(schema)):
            self._free.append(schema)

    async def _shape_of(self, schema: str) -> str:
        connection = await asyncpg.connect(self._dsn)
        try:
            return str(await connection.fetchval(_SHAPE_SQL, schema))
        finally:
            await connection.close()

    async def _is_emptied(self, schema: str) -> bool:
        connection = await asyncpg.connect(self._dsn)
        try:
            if await connection.fetchval(_SHAPE_SQL, schema) != self._shape:
                return False
            names = [row[0] for row in await connection.fetch(_TABLES_SQL, schema)]
            await connection.execute(
                "SET lock_timeout = '300ms';"
                + ";".join(f'DELETE FROM "{schema}"."{name}"' for name in names)
            )
        except asyncpg.PostgresError:
            return False  # dropped, or somebody still works in it
        finally:
            await connection.close()
        return True

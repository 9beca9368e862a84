"""The set-up of history: triggers on `item` that keep what each write and delete replaced.

The triggers obey no option of a store: they see every statement of every process. Their function
runs with the rights of its owner, so that a role which may write items needs no rights on the
history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from ...sql.tables import Tables
from .provenance_sql import ADDRESS_SQL, PROVENANCE_SETTING
from .reads_sql import reads_setup
from .sealing_sql import FIXED_RIGHTS, sealing_setup

_KEPT = (
    "place",
    "value",
    "metadata",
    "version",
    "created_by",
    "created_at",
    "updated_at",
    "expires_at",
    "ttl",
    "words",
    "word_count",
    "words_by",
    "indexed_paths",
)
"""The columns of `item` that its history has as well."""

TRIGGERS = {
    "history_of_insert": ("INSERT", "NEW TABLE AS fresh"),
    "history_of_update": ("UPDATE", "OLD TABLE AS former NEW TABLE AS fresh"),
    "history_of_delete": ("DELETE", "OLD TABLE AS former"),
}
"""The triggers of `item`: of which event, and with which rows."""


def history_setup(
    tables: Tables, covered: Sequence[str] | None, retention: timedelta | None, *, restart: bool
) -> list[str]:
    """Return the statements that start history, or change what it keeps.

    `restart`: what was kept so far does not tell what the items now covered were before.
    """
    return [
        *_functions(tables),
        *_item_triggers(tables, covered),
        *[_guard_trigger(tables, table) for table in _guarded(tables)],
        _rule(tables, covered, retention, restart=restart),
        _share_rights(tables),
    ]


def made_by(tables: Tables) -> str:
    """Return the digest of what this release makes, apart from the options."""
    return hashlib.sha256("".join(_functions(tables)).encode()).hexdigest()


def _functions(tables: Tables) -> list[str]:
    return [
        _keep_history(tables),
        _guard_function(tables),
        *sealing_setup(tables),
        reads_setup(tables),
    ]


def state_sql(tables: Tables) -> str:
    """Return the SELECT of the rule in force: its options, and whether this role may change it.

    `$1`: the name of the schema.
    """
    names = ", ".join(f"'{name}'" for name in TRIGGERS)
    return f"""
SELECT (SELECT count(*) = {len(TRIGGERS)} FROM pg_trigger t
         WHERE t.tgrelid = c.oid AND t.tgname IN ({names}) AND t.tgenabled IN ('O', 'A')) AS kept,
       r.covered, r.retention, r.made_by,
       pg_has_role(c.relowner, 'USAGE') AS owned
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN {tables.named("history_rule")} r ON true
 WHERE n.nspname = $1 AND c.relname = 'item'"""


_WHO = f"""coalesce(CASE WHEN said ? 'of'
                          THEN said->'who'->((said->'of'->>({ADDRESS_SQL}))::integer)
                          ELSE said->'who'->0 END, '{{}}')"""
_ALWAYS = f"{_WHO}, session_user, gen_random_uuid()"
_AT = "n.user_id, n.namespace, n.key, clock_timestamp(), pg_current_xact_id()"
_COVERED = """(TG_NARGS = 0 OR EXISTS (
                    SELECT 1 FROM unnest(TG_ARGV) c (label)
                     WHERE c.label = '' OR n.namespace = c.label
                        OR starts_with(n.namespace, c.label || ':')))"""


def _keep_history(tables: Tables) -> str:
    kept = ", ".join(_KEPT)
    insert = f"""INSERT INTO {tables.named("item_history")}
               (user_id, namespace, key, changed_at, xact, operation, new_version, provenance,
                role, salt"""
    # A version that stays tells of a touch: an expiry that moved, words that were made anew. The
    # values are compared only then.
    return f"""
CREATE OR REPLACE FUNCTION {tables.named("keep_history")}() RETURNS trigger
    LANGUAGE plpgsql {FIXED_RIGHTS}
    SET enable_hashjoin = on SET enable_seqscan = on AS $agentstore$
DECLARE
    said jsonb := nullif(current_setting('{PROVENANCE_SETTING}', true), '')::jsonb;
BEGIN
    IF TG_OP = 'INSERT' THEN
        {insert})
        SELECT {_AT}, 'put', n.version, {_ALWAYS}
          FROM fresh n
         WHERE {_COVERED};
    ELSIF TG_OP = 'UPDATE' THEN
        {insert}, {kept})
        SELECT {_AT}, 'put', n.version, {_ALWAYS},
               {", ".join(f"o.{name}" for name in _KEPT)}
          FROM fresh n JOIN former o USING (user_id, namespace, key)
         WHERE (o.version <> n.version OR o.value <> n.value) AND {_COVERED};
    ELSE
        {insert}, {kept})
        SELECT {_AT}, CASE WHEN n.expires_at <= now() THEN 'expire' ELSE 'delete' END, NULL,
               {_ALWAYS},
               {", ".join(f"n.{name}" for name in _KEPT)}
          FROM former n
         WHERE {_COVERED};
    END IF;
    RETURN NULL;
END $agentstore$"""


def _item_triggers(tables: Tables, covered: Sequence[str] | None) -> list[str]:
    arguments = ", ".join(_literal(stored) for stored in covered or ())
    return [
        f"""
CREATE OR REPLACE TRIGGER {name} AFTER {event} ON {tables.item} REFERENCING {rows}
    FOR EACH STATEMENT EXECUTE FUNCTION {tables.named("keep_history")}({arguments})"""
        for name, (event, rows) in TRIGGERS.items()
    ]


def _guard_function(tables: Tables) -> str:
    return f"""
CREATE OR REPLACE FUNCTION {tables.named("guard_history")}() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $agentstore$
BEGIN
    -- Functions of the owner write here, and the owner forgets. Nobody else changes what was.
    IF current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'the role %I may not change the history in %I', current_user, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $agentstore$"""


def _guard_trigger(tables: Tables, table: str) -> str:
    return f"""
CREATE OR REPLACE TRIGGER history_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {tables.named("guard_history")}()"""


def _guarded(tables: Tables) -> tuple[str, ...]:
    """Return the tables that only their owner may change."""
    return (
        tables.named("item_history"),
        tables.named("item_read"),
        tables.named("history_rule"),
        tables.named("history_seal"),
        tables.named("history_gone"),
    )


def _rule(
    tables: Tables, covered: Sequence[str] | None, retention: timedelta | None, *, restart: bool
) -> str:
    prefixes = "NULL"
    if covered is not None:
        prefixes = f"ARRAY[{', '.join(_literal(stored) for stored in covered)}]"
    seconds = "NULL" if retention is None else f"interval '{retention.total_seconds():.6f} seconds'"
    began = ", began_at = excluded.began_at" if restart else ""
    return f"""
INSERT INTO {tables.named("history_rule")} (covered, retention, began_at, made_by)
VALUES ({prefixes}, {seconds}, clock_timestamp(), '{made_by(tables)}')
    ON CONFLICT (one) DO UPDATE SET covered = excluded.covered, retention = excluded.retention,
       made_by = excluded.made_by
       {began}"""


def _share_rights(tables: Tables) -> str:
    """Return the DO block by which roles that read items read their history, and no more."""
    names = ", ".join(_literal(table) for table in _guarded(tables))
    return f"""
DO $agentstore$
DECLARE
    table_name text;
    reader name;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[{names}] LOOP
        FOR reader IN
            SELECT a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) a
             WHERE c.oid = {_literal(tables.item)}::regclass AND a.privilege_type = 'SELECT'
               AND a.grantee NOT IN (0, c.relowner)
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %s', table_name, reader);
            EXECUTE format('GRANT SELECT ON %s TO %s', table_name, reader);
        END LOOP;
    END LOOP;
END $agentstore$"""


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'" if "\\" in text else f"'{escaped}'"

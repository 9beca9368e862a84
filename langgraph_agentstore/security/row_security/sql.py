"""The policies of row level security, the grants they need, and what a role sees under them."""

from __future__ import annotations

from collections.abc import Sequence

from ...sql.statement_settings import USERS_SETTING
from ...sql.tables import OF_THEIR_OWNER, USER_TABLES, Tables, quoted_name
from ..encryption.sql import user_key

POLICY = "agentstore_users"
"""The policy for every role: the rows of the users whom the statement names."""

OWNER_POLICY = "agentstore_owner"
"""The policy for the tables' owner: all rows. FORCE would leave it none."""

_USERS = f"""coalesce(nullif(
       pg_catalog.current_setting('{USERS_SETTING}', true), ''), '{{}}')::text[]"""

_NAMED_USERS = f"user_id IN (SELECT unnest({_USERS}))"

_READERS, _WRITERS, _ANY = "shared_prefixes(false)", "shared_prefixes(true)", "sharing_users()"
_OWN_WATCH = "watcher"

_OF_ITEMS = {"SELECT": _READERS, "INSERT": _WRITERS, "UPDATE": _WRITERS, "DELETE": _WRITERS}

BY_SHARES = {
    "item": _OF_ITEMS,
    "item_lock": _OF_ITEMS,
    "item_access": {"SELECT": _READERS, "DELETE": _WRITERS},
    "change": {"SELECT": _READERS, "INSERT": _WRITERS},
    "quarantined_item": {"INSERT": _WRITERS},
    "watch": {
        "SELECT": _ANY,
        "INSERT": _OWN_WATCH,
        "UPDATE": _OWN_WATCH,
        "DELETE": _OWN_WATCH,
    },
    "share": {"SELECT": "with_user"},
    "user_key": {"SELECT": _ANY},
}
"""By table and command: the function that tells what is shared; or the column of the user.

One with whom something is shared may see all watches of the owner, which a writer has to tell of a
change, but begins, renews and ends its own alone.
"""

_OWNER = "octet_length(user_id)::text || ':' || user_id || ':'"

_PLACE = f"{_OWNER} || namespace || ':'"
"""A namespace with its owner: those below it begin with it. By the length no two read alike."""

_SHARE_POLICIES = {
    command: f"agentstore_shares_{command.lower()}"
    for command in ("SELECT", "INSERT", "UPDATE", "DELETE")
}
"""Policies for what is shared with the users whom the statement names, by command."""


PROTECTED_SQL = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind = 'r'
   AND (c.relname = ANY ($2::text[]) OR c.relname ~ '^item_vector_[0-9]+$')
 ORDER BY c.relname"""
"""The tables with rows of users; the arguments are those of `protected_arguments`."""

IS_LIMITED_SQL = f"""
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_policy p
                WHERE p.polrelid = c.oid AND p.polname = '{POLICY}')
   AND pg_catalog.row_security_active(c.oid)
   AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
  FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)"""
"""Whether the policy limits the current role on the table `$1`."""

ROLE_SQL = """
SELECT r.rolsuper OR r.rolbypassrls, pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE')
  FROM pg_catalog.pg_roles r, pg_catalog.pg_class c
 WHERE r.rolname = $1 AND c.oid = pg_catalog.to_regclass($2)"""
"""Whether the role `$1` is above policies, and whether it acts as the owner of the table `$2`."""


def protected_arguments(tables: Tables) -> tuple[str, Sequence[str]]:
    """Return the arguments of `PROTECTED_SQL`."""
    return tables.quoted, USER_TABLES


def sharing_functions(tables: Tables) -> list[str]:
    """Return the statements that create the functions which the policies ask about shares.

    `shared_prefixes(writes)`: what is shared, for writing too, with the users whom the statement
    names, each as the beginning of `_PLACE`. `sharing_users()`: who shares anything with them. They
    have the rights of the caller, who sees just the shares with the users it names.
    """

    def function(head: str, returned: str, where: str) -> str:
        return f"""
CREATE OR REPLACE FUNCTION {tables.quoted}.{head} RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $told$ BEGIN
RETURN ARRAY(
    SELECT {returned}
      FROM {tables.named("share")} s WHERE s.with_user = ANY ({_USERS}){where}
);
END $told$"""

    place = f"""{_OWNER} || CASE WHEN s.namespace = '' THEN '' ELSE s.namespace || ':' END"""
    return [
        function(
            "shared_prefixes(_writes boolean)",
            place.replace("user_id", "s.user_id"),
            "\n       AND (s.access = 'write' OR NOT _writes)",
        ),
        function("sharing_users()", "DISTINCT s.user_id", ""),
    ]


def enabling(tables: Tables, name: str) -> list[str]:
    """Return the statements that protect a table, whatever it had before."""
    return _enabling(tables, name, f"{tables.quoted}.{quoted_name(name)}")


def enabling_keys(tables: Tables) -> list[str]:
    """Return the statements that protect the data keys, whose table names their users."""
    return _enabling(tables, "user_key", user_key(tables))


def _enabling(tables: Tables, name: str, table: str) -> list[str]:
    return [
        *_dropping(table),
        f"CREATE POLICY {POLICY} ON {table} USING ({_NAMED_USERS}) WITH CHECK ({_NAMED_USERS})",
        f"CREATE POLICY {OWNER_POLICY} ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        *_admitting_shares(tables, name, table),
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    ]


def _admitting_shares(tables: Tables, name: str, table: str) -> list[str]:
    policies = []
    told_by = BY_SHARES.get("item" if name.startswith("item_vector_") else name, {})
    for command, asked in told_by.items():
        condition = f"({_shared_by(tables, asked)})"
        using = "" if command == "INSERT" else f" USING {condition}"
        check = f" WITH CHECK {condition}" if command in ("INSERT", "UPDATE") else ""
        policies.append(
            f"CREATE POLICY {_SHARE_POLICIES[command]} ON {table} FOR {command}{using}{check}"
        )
    return policies


def _shared_by(tables: Tables, asked: str) -> str:
    """Return the condition that a row is shared with the users whom the statement names.

    The sub-select is run once, when the first row of another user is met: never where there is
    none. To ask the table of shares for each row would take a hundred times as long.
    """
    if asked == "with_user":
        return _NAMED_USERS.replace("user_id", asked, 1)
    if asked == _OWN_WATCH:
        watcher = _NAMED_USERS.replace("user_id", asked, 1)
        return f"{_shared_by(tables, _ANY)} AND {watcher}"
    told = f"ANY ((SELECT {tables.quoted}.{asked})::text[])"
    return f"user_id = {told}" if asked == _ANY else f"({_PLACE}) ^@ {told}"


def disabling(tables: Tables, name: str) -> list[str]:
    """Return the statements that undo `enabling`."""
    return _disabling(f"{tables.quoted}.{quoted_name(name)}")


def disabling_keys(tables: Tables) -> list[str]:
    """Return the statements that undo `enabling_keys`."""
    return _disabling(user_key(tables))


def _disabling(table: str) -> list[str]:
    return [
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        *_dropping(table),
    ]


def _dropping(table: str) -> list[str]:
    names = (POLICY, OWNER_POLICY, *_SHARE_POLICIES.values())
    return [f"DROP POLICY IF EXISTS {name} ON {table}" for name in names]


def granting(tables: Tables, names: Sequence[str], role: str) -> list[str]:
    """Return the grants that a store needs which is opened with this role."""
    to = f"TO {quoted_name(role)}"
    written = [name for name in names if name not in OF_THEIR_OWNER]
    writable = ", ".join(f"{tables.quoted}.{quoted_name(name)}" for name in written)
    return [
        f"GRANT USAGE ON SCHEMA {tables.quoted} {to}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {tables.quoted} {to}",
        # Whoever may read holds learns ids of users, and why they are held.
        f"REVOKE ALL ON {tables.legal_hold} FROM {quoted_name(role)}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {writable} {to}",
    ]


def inheriting(tables: Tables, name: str) -> str:
    """Return the statement that gives a new table the protection and the grants of `item`.

    It does nothing where `item` is not protected.
    """
    protecting = (*sharing_functions(tables), *enabling(tables, name))
    protect = "; ".join(f"EXECUTE {_quoted_literal(sql)}" for sql in protecting)
    table, item = (
        _quoted_literal(t) for t in (f"{tables.quoted}.{quoted_name(name)}", tables.item)
    )
    return f"""DO $agentstore$ DECLARE _role name; BEGIN
IF EXISTS (SELECT 1 FROM pg_catalog.pg_policy p
            WHERE p.polrelid = {item}::regclass AND p.polname = '{POLICY}') THEN
    {protect};
    FOR _role IN SELECT DISTINCT r.rolname FROM pg_catalog.pg_class c
          CROSS JOIN pg_catalog.aclexplode(c.relacl) a
          JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
         WHERE c.oid = {item}::regclass AND a.privilege_type = 'INSERT'
           AND r.oid <> c.relowner LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I',
                       {table}, _role);
    END LOOP;
END IF; END $agentstore$"""


def _quoted_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""Sealing: a chain of hashes over history and the audit of reads, and its verification.

Writers do not wait for each other to chain their entries. A seal later takes a batch of entries of
transactions that are over, in the order of the transactions. It holds the digest of each entry, and
a hash over these and the hash of the seal before. So an entry that was altered, removed or slipped
in is found, and named, as long as the newest hash is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...sql.statement import Decoded, Row, SqlContext, Statement
from ...sql.tables import Tables
from ..care_lock import SHARDS

SEAL_SIZE = 1000
"""How many entries a seal has at least, if there are as many; it ends with a transaction."""

FORGETTING = "agentstore.forgetting"
"""The setting that names the reason of a removal."""

BY_RULE = ("retention", "erased")
"""Reasons for which entries may be gone."""

FIXED_RIGHTS = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
"""Of a function that runs with the rights of its owner."""

# The text of a row, of which its digest is made, depends on these.
_SETTINGS = (
    "SET TimeZone = 'UTC' SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres' "
    "SET extra_float_digits = 1 SET bytea_output = 'hex'"
)

FaultKind: TypeAlias = Literal["altered", "removed", "added", "seal", "head"]


@dataclass(frozen=True, slots=True)
class SealChecked:
    """Tell what was found of one seal: the entries that fail, and those that are gone by rule."""

    number: int
    hash: str
    entries: int
    is_linked: bool
    altered: tuple[int, ...]
    removed: tuple[int, ...]
    added: tuple[int, ...]
    retention: int
    erased: int

    @property
    def is_intact(self) -> bool:
        """Tell whether it follows from the seal before it, and its entries are as they were."""
        return self.is_linked and not (self.altered or self.removed or self.added)


def sealing_setup(tables: Tables) -> list[str]:
    """Return the statements that make the functions and triggers of the chain."""
    return [
        _digests(tables),
        _seal(tables),
        _forget(tables),
        _note_gone(tables),
        *[
            f"""
CREATE OR REPLACE TRIGGER history_gone AFTER DELETE ON {table} REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION {tables.named("note_gone")}()"""
            for table in (tables.named("item_history"), tables.named("item_read"))
        ],
    ]


def _digests(tables: Tables) -> str:
    """Return the function of the entries of some transactions, each with its digest."""
    return f"""
CREATE OR REPLACE FUNCTION {tables.named("history_digests")}(_after xid8, _upto xid8)
    RETURNS TABLE (xact xid8, seq bigint, digest bytea)
    LANGUAGE sql STABLE {FIXED_RIGHTS} {_SETTINGS}
AS $agentstore$
    SELECT h.xact, h.seq, sha256(convert_to(h::text, 'UTF8'))
      FROM {tables.named("item_history")} h WHERE h.xact > _after AND h.xact <= _upto
     UNION ALL
    SELECT r.xact, r.seq, sha256(convert_to(r::text, 'UTF8'))
      FROM {tables.named("item_read")} r WHERE r.xact > _after AND r.xact <= _upto
$agentstore$"""


def _seal(tables: Tables) -> str:
    """Return the function that seals the next entries, and returns how many."""
    return f"""
CREATE OR REPLACE FUNCTION {tables.named("seal_history")}(_size bigint) RETURNS bigint
    LANGUAGE plpgsql {FIXED_RIGHTS} AS $agentstore$
DECLARE
    last {tables.named("history_seal")};
    next {tables.named("history_seal")};
    horizon xid8;
BEGIN
    -- One at a time. What begins from here on has a transaction that is not below the horizon.
    LOCK TABLE {tables.named("history_seal")} IN SHARE ROW EXCLUSIVE MODE;
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    SELECT * INTO last FROM {tables.named("history_seal")} ORDER BY number DESC LIMIT 1;
    SELECT x.xact INTO next.upto FROM (
           SELECT o.xact FROM (
                  SELECT h.xact, h.seq FROM {tables.named("item_history")} h
                   WHERE h.xact > coalesce(last.upto, '0') AND h.xact < horizon
                   UNION ALL
                  SELECT r.xact, r.seq FROM {tables.named("item_read")} r
                   WHERE r.xact > coalesce(last.upto, '0') AND r.xact < horizon) o
            ORDER BY o.xact, o.seq LIMIT _size) x
     ORDER BY x.xact DESC LIMIT 1;
    IF next.upto IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(d.seq ORDER BY d.xact, d.seq), array_agg(d.digest ORDER BY d.xact, d.seq)
      INTO next.seqs, next.digests
      FROM {tables.named("history_digests")}(coalesce(last.upto, '0'), next.upto) d;
    next.number := coalesce(last.number, 0) + 1;
    next.sealed_at := clock_timestamp();
    next.hash := {_hash("next", "last.hash")};
    INSERT INTO {tables.named("history_seal")} VALUES (next.*);
    RETURN cardinality(next.seqs);
END $agentstore$"""


def _hash(seal: str, former: str) -> str:
    """Return the hash of a seal: of the one before, and of all that it says."""
    return f"""sha256(coalesce({former}, '') || convert_to(
        {seal}.number || ' ' || {seal}.upto::text || ' ' || {seal}.seqs::text || ' '
        || extract(epoch FROM {seal}.sealed_at)::text, 'UTF8')
        || (SELECT string_agg(g.digest, '' ORDER BY g.n)
              FROM unnest({seal}.digests) WITH ORDINALITY g (digest, n)))"""


def _forget(tables: Tables) -> str:
    """Return the function that removes old entries by the rule, oldest first.

    Entries of items under legal hold stay. So do the audited reads of a user of whom anything is.
    """
    literal = "'" + tables.schema.replace("'", "''") + "'"
    held_entry = f"({tables.quoted}.hold_of(h.user_id, h.namespace) IS NOT NULL)"
    # Reads need not name a namespace, so that they cannot be told apart by it.
    held_read = f"""EXISTS (SELECT 1 FROM {tables.legal_hold} l
                   WHERE l.held_user IS NULL OR l.held_user = h.user_id)"""

    def old(table: str, at: str, held: str) -> str:
        return f"""
    DELETE FROM {table} h USING (
           SELECT o.ctid FROM (
                  SELECT h.ctid, h.{at} FROM {table} h
                   WHERE NOT holding OR NOT {held}
                   ORDER BY h.xact, h.seq LIMIT _size) o
            WHERE o.{at} < kept_since) o
     WHERE h.ctid = o.ctid;
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;"""

    return f"""
CREATE OR REPLACE FUNCTION {tables.named("forget_history")}(_size bigint) RETURNS bigint
    LANGUAGE plpgsql {FIXED_RIGHTS} AS $agentstore$
DECLARE
    kept_since timestamptz := (SELECT now() - retention FROM {tables.named("history_rule")});
    holding boolean;
    count bigint;
    total bigint := 0;
BEGIN
    IF kept_since IS NULL THEN
        RETURN 0;
    END IF;
    -- Whoever puts a user on hold waits until this ends, and what is held by then stays.
    PERFORM pg_advisory_xact_lock_shared(hashtext('agentstore.care ' || {literal}), shard)
       FROM generate_series(0, {SHARDS - 1}) shard;
    holding := EXISTS (SELECT 1 FROM {tables.legal_hold});
    PERFORM set_config('{FORGETTING}', 'retention', true);
{old(tables.named("item_history"), "changed_at", held_entry)}
{old(tables.named("item_read"), "read_at", held_read)}
    PERFORM set_config('{FORGETTING}', '', true);
    RETURN total;
END $agentstore$"""


def _note_gone(tables: Tables) -> str:
    return f"""
CREATE OR REPLACE FUNCTION {tables.named("note_gone")}() RETURNS trigger
    LANGUAGE plpgsql {FIXED_RIGHTS} AS $agentstore$
BEGIN
    INSERT INTO {tables.named("history_gone")} (seq, reason, role, gone_at)
    SELECT seq, coalesce(nullif(current_setting('{FORGETTING}', true), ''), 'removed'),
           session_user, clock_timestamp()
      FROM former
        ON CONFLICT (seq) DO NOTHING;
    RETURN NULL;
END $agentstore$"""


def plan_seal(context: SqlContext) -> Statement[int]:
    """Plan to seal the next entries; it returns how many."""
    sql = f"SELECT {context.tables.named('seal_history')}({SEAL_SIZE})"
    return Statement(
        sql, (), lambda rows: Decoded(rows[0][0]), idempotent=False, kind="seal_history"
    )


def plan_pause() -> Statement[None]:
    """Plan to do nothing for a tenth of a second."""
    return Statement("SELECT pg_sleep(.1)", (), lambda _: Decoded(None), kind="pause")


def plan_forget(context: SqlContext) -> Statement[int]:
    """Plan to remove the oldest entries that are older than the rule keeps them."""
    sql = f"SELECT {context.tables.named('forget_history')}({SEAL_SIZE})"
    return Statement(
        sql, (), lambda rows: Decoded(rows[0][0]), idempotent=False, kind="forget_history"
    )


def plan_is_kept(context: SqlContext) -> Statement[bool]:
    """Plan to ask whether history is kept, without which the functions of the chain are missing."""
    sql = f"SELECT EXISTS (SELECT 1 FROM {context.tables.named('history_rule')})"
    return Statement(sql, (), lambda rows: Decoded(rows[0][0]), users=(), kind="check_history")


def plan_unsealed(context: SqlContext) -> Statement[tuple[int, int]]:
    """Plan to count the seals, and the entries that have none yet."""
    tables = context.tables
    newest = (
        f"(SELECT coalesce(max(s.upto::text::numeric), 0) FROM {tables.named('history_seal')} s)"
    )
    sql = f"""
SELECT (SELECT count(*) FROM {tables.named("history_seal")}),
       (SELECT count(*) FROM {tables.named("item_history")} h WHERE h.xact > n.upto)
       + (SELECT count(*) FROM {tables.named("item_read")} r WHERE r.xact > n.upto)
  FROM (SELECT {newest}::text::xid8 AS upto) n"""
    return Statement(sql, (), lambda rows: Decoded((rows[0][0], rows[0][1])), kind="count_unsealed")


def plan_check(after: int, size: int, context: SqlContext) -> Statement[list[SealChecked]]:
    """Plan to verify the next `size` seals after one."""
    tables = context.tables
    reasons = ", ".join(f"'{reason}'" for reason in BY_RULE)
    sql = f"""
SELECT s.number, encode(s.hash, 'hex'), cardinality(s.seqs),
       coalesce(s.hash = {_hash("s", "p.hash")}, false)
       AND (s.number = 1 OR p.number IS NOT NULL), c.*
  FROM (SELECT * FROM {tables.named("history_seal")} WHERE number > $1 ORDER BY number LIMIT $2) s
  LEFT JOIN {tables.named("history_seal")} p ON p.number = s.number - 1
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(d.seq) FILTER (WHERE e.digest <> d.digest), '{{}}'),
              coalesce(array_agg(e.seq) FILTER (
                  WHERE d.seq IS NULL AND g.reason IS NULL), '{{}}'),
              coalesce(array_agg(d.seq) FILTER (WHERE e.seq IS NULL), '{{}}'),
              count(*) FILTER (WHERE d.seq IS NULL AND g.reason = 'retention'),
              count(*) FILTER (WHERE d.seq IS NULL AND g.reason = 'erased')
         FROM unnest(s.seqs, s.digests) e (seq, digest)
         FULL JOIN {tables.named("history_digests")}(coalesce(p.upto, '0'), s.upto) d
           ON d.seq = e.seq
         LEFT JOIN {tables.named("history_gone")} g
           ON g.seq = e.seq AND g.reason IN ({reasons})) c
 ORDER BY s.number"""

    def decode(rows: Sequence[Row]) -> Decoded[list[SealChecked]]:
        return Decoded([_checked_seal(row) for row in rows])

    return Statement(sql, (after, size), decode, kind="check_history")


def _checked_seal(row: Row) -> SealChecked:
    number, hash_, entries, linked, altered, removed, added, retention, erased = row
    return SealChecked(
        number,
        hash_,
        entries,
        linked,
        tuple(sorted(altered)),
        tuple(sorted(removed)),
        tuple(sorted(added)),
        retention,
        erased,
    )

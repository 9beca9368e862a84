-- Users who were erased, by the SHA-256 of their ids: nothing else of them is kept. The triggers
-- that refuse their writes are made by the first erase_user, not here.
CREATE TABLE IF NOT EXISTS {schema}.erased_user (
    digest    text COLLATE "C" PRIMARY KEY,
    erased_at timestamptz NOT NULL
);

-- Called after statements that insert rows with a user_id; its argument is the name of this schema
-- for tables that are elsewhere. A writer holds its users' shards shared until it commits, whoever
-- erases holds one alone: so either the rows are there to be erased, or the writer sees the
-- tombstone. The message names nobody, since servers log messages.
CREATE OR REPLACE FUNCTION {schema}.refuse_erased() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
DECLARE
    _erased {schema}.erased_user;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
                hashtext('agentstore.care ' || coalesce(TG_ARGV[0], TG_TABLE_SCHEMA)), s.shard)
       FROM (SELECT DISTINCT hashtext(a.user_id) & 127 AS shard FROM added a ORDER BY 1) s;
    IF NOT EXISTS (SELECT FROM {schema}.erased_user) THEN
        RETURN NULL;
    END IF;
    SELECT e.* INTO _erased
      FROM (SELECT DISTINCT a.user_id FROM added a) w
      JOIN {schema}.erased_user e ON e.digest = encode(sha256(convert_to(w.user_id, 'UTF8')), 'hex')
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a user of this write was erased' USING ERRCODE = 'AGE01',
              DETAIL = jsonb_build_object('digest', _erased.digest, 'erased_at', _erased.erased_at);
    END IF;
    RETURN NULL;
END $agentstore$;

-- The same for rows that are written in the background, many users together: the row is left out.
CREATE OR REPLACE FUNCTION {schema}.leave_out_erased() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('agentstore.care ' || TG_TABLE_SCHEMA), hashtext(NEW.user_id) & 127);
    IF EXISTS (SELECT FROM {schema}.erased_user e
                WHERE e.digest = encode(sha256(convert_to(NEW.user_id, 'UTF8')), 'hex')) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $agentstore$;

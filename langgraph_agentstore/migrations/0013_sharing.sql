-- What users share: a namespace of user_id and everything below it, for one other user to read, or
-- to read and write. granted_by: the user whose view granted it; null for the plain store.
CREATE TABLE IF NOT EXISTS {schema}.share (
    user_id    text COLLATE "C" NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    with_user  text COLLATE "C" NOT NULL,
    place      text COLLATE "C" NOT NULL,
    access     text NOT NULL CHECK (access IN ('read', 'write')),
    granted_at timestamptz NOT NULL DEFAULT now(),
    granted_by text,
    PRIMARY KEY (with_user, user_id, namespace)
);

CREATE INDEX IF NOT EXISTS share_of_owner ON {schema}.share (user_id);

-- All that is shared with a user, as one short text: it differs whenever anything does.
CREATE OR REPLACE FUNCTION {schema}.known_shares(_user text) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $agentstore$ BEGIN RETURN (SELECT coalesce(md5(string_agg(format('%L %L %s %s', s.user_id, s.namespace, s.access, extract(epoch FROM s.granted_at)), ';' ORDER BY s.user_id, s.namespace)), '') FROM {schema}.share s WHERE s.with_user = _user); END $agentstore$;

-- Returns true if what is shared with a user is still just this, and fails otherwise. One who
-- writes also keeps revoke waiting until the write is committed, so that none follows a revoke.
-- VOLATILE: it sees what was revoked since the statement began.
CREATE OR REPLACE FUNCTION {schema}.check_shares(_user text, _known text, _writes boolean) RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $agentstore$ BEGIN IF _writes THEN PERFORM pg_advisory_xact_lock_shared(hashtextextended($name${schema}.share$name$ || _user, 0)); END IF; IF {schema}.known_shares(_user) <> _known THEN RAISE EXCEPTION 'what is shared with the user has changed' USING ERRCODE = 'AGS01'; END IF; RETURN true; END $agentstore$;

-- Waits for those who write by what is shared with a user, and keeps others from beginning.
CREATE OR REPLACE FUNCTION {schema}.wait_for_shared_writes(_user text) RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $agentstore$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended($name${schema}.share$name$ || _user, 0)); RETURN true; END $agentstore$;

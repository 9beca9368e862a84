-- Whoever may connect to the database may listen: the notification names the user by a digest.
-- A user whom nobody watches any more keeps no changes. Names are looked up in the catalogue and
-- in this schema alone, whatever the caller's search_path is.
CREATE OR REPLACE FUNCTION {schema}.tell_change(_user text, _namespace text, _key text, _version bigint, _gone boolean) RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $agentstore$ BEGIN IF NOT EXISTS (SELECT FROM {schema}.watch w WHERE w.user_id = _user AND w.expires_at > now()) THEN DELETE FROM {schema}.change c WHERE c.user_id = _user; DELETE FROM {schema}.watch w WHERE w.user_id = _user AND w.expires_at <= now(); RETURN false; END IF; INSERT INTO {schema}.change (user_id, xact, namespace, key, version, value, at) VALUES (_user, pg_current_xact_id(), _namespace, _key, _version, CASE WHEN NOT _gone THEN (SELECT i.value FROM {schema}.item i WHERE i.user_id = _user AND i.namespace = _namespace AND i.key = _key) END, now()); PERFORM pg_notify('agentstore_change', encode(sha256(convert_to(_user, 'UTF8')), 'hex')); RETURN true; END $agentstore$;

-- For the sweeper, which forgets what is older than an hour.
CREATE INDEX IF NOT EXISTS change_at ON {schema}.change (at);

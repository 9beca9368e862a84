CREATE OR REPLACE FUNCTION "it's".shared_prefixes(_writes boolean) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $told$ BEGIN
RETURN ARRAY(
    SELECT octet_length(s.user_id)::text || ':' || s.user_id || ':' || CASE WHEN s.namespace = '' THEN '' ELSE s.namespace || ':' END
      FROM "it's".share s WHERE s.with_user = ANY (coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])
       AND (s.access = 'write' OR NOT _writes)
);
END $told$;
CREATE OR REPLACE FUNCTION "it's".sharing_users() RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $told$ BEGIN
RETURN ARRAY(
    SELECT DISTINCT s.user_id
      FROM "it's".share s WHERE s.with_user = ANY (coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])
);
END $told$

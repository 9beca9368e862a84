DO $agentstore$ DECLARE _role name; BEGIN
IF EXISTS (SELECT 1 FROM pg_catalog.pg_policy p
            WHERE p.polrelid = '"it''s".item'::regclass AND p.polname = 'agentstore_users') THEN
    EXECUTE '
CREATE OR REPLACE FUNCTION "it''s".shared_prefixes(_writes boolean) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $told$ BEGIN
RETURN ARRAY(
    SELECT octet_length(s.user_id)::text || '':'' || s.user_id || '':'' || CASE WHEN s.namespace = '''' THEN '''' ELSE s.namespace || '':'' END
      FROM "it''s".share s WHERE s.with_user = ANY (coalesce(nullif(
       pg_catalog.current_setting(''agentstore.users'', true), ''''), ''{}'')::text[])
       AND (s.access = ''write'' OR NOT _writes)
);
END $told$'; EXECUTE '
CREATE OR REPLACE FUNCTION "it''s".sharing_users() RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $told$ BEGIN
RETURN ARRAY(
    SELECT DISTINCT s.user_id
      FROM "it''s".share s WHERE s.with_user = ANY (coalesce(nullif(
       pg_catalog.current_setting(''agentstore.users'', true), ''''), ''{}'')::text[])
);
END $told$'; EXECUTE 'DROP POLICY IF EXISTS agentstore_users ON "it''s"."item_vector_1"'; EXECUTE 'DROP POLICY IF EXISTS agentstore_owner ON "it''s"."item_vector_1"'; EXECUTE 'DROP POLICY IF EXISTS agentstore_shares_select ON "it''s"."item_vector_1"'; EXECUTE 'DROP POLICY IF EXISTS agentstore_shares_insert ON "it''s"."item_vector_1"'; EXECUTE 'DROP POLICY IF EXISTS agentstore_shares_update ON "it''s"."item_vector_1"'; EXECUTE 'DROP POLICY IF EXISTS agentstore_shares_delete ON "it''s"."item_vector_1"'; EXECUTE 'CREATE POLICY agentstore_users ON "it''s"."item_vector_1" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting(''agentstore.users'', true), ''''), ''{}'')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting(''agentstore.users'', true), ''''), ''{}'')::text[])))'; EXECUTE 'CREATE POLICY agentstore_owner ON "it''s"."item_vector_1" TO CURRENT_USER USING (true) WITH CHECK (true)'; EXECUTE 'CREATE POLICY agentstore_shares_select ON "it''s"."item_vector_1" FOR SELECT USING ((octet_length(user_id)::text || '':'' || user_id || '':'' || namespace || '':'') ^@ ANY ((SELECT "it''s".shared_prefixes(false))::text[]))'; EXECUTE 'CREATE POLICY agentstore_shares_insert ON "it''s"."item_vector_1" FOR INSERT WITH CHECK ((octet_length(user_id)::text || '':'' || user_id || '':'' || namespace || '':'') ^@ ANY ((SELECT "it''s".shared_prefixes(true))::text[]))'; EXECUTE 'CREATE POLICY agentstore_shares_update ON "it''s"."item_vector_1" FOR UPDATE USING ((octet_length(user_id)::text || '':'' || user_id || '':'' || namespace || '':'') ^@ ANY ((SELECT "it''s".shared_prefixes(true))::text[])) WITH CHECK ((octet_length(user_id)::text || '':'' || user_id || '':'' || namespace || '':'') ^@ ANY ((SELECT "it''s".shared_prefixes(true))::text[]))'; EXECUTE 'CREATE POLICY agentstore_shares_delete ON "it''s"."item_vector_1" FOR DELETE USING ((octet_length(user_id)::text || '':'' || user_id || '':'' || namespace || '':'') ^@ ANY ((SELECT "it''s".shared_prefixes(true))::text[]))'; EXECUTE 'ALTER TABLE "it''s"."item_vector_1" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
    FOR _role IN SELECT DISTINCT r.rolname FROM pg_catalog.pg_class c
          CROSS JOIN pg_catalog.aclexplode(c.relacl) a
          JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
         WHERE c.oid = '"it''s".item'::regclass AND a.privilege_type = 'INSERT'
           AND r.oid <> c.relowner LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I',
                       '"it''s"."item_vector_1"', _role);
    END LOOP;
END IF; END $agentstore$

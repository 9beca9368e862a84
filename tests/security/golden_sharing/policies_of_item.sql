DROP POLICY IF EXISTS agentstore_users ON "it's"."item";
DROP POLICY IF EXISTS agentstore_owner ON "it's"."item";
DROP POLICY IF EXISTS agentstore_shares_select ON "it's"."item";
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's"."item";
DROP POLICY IF EXISTS agentstore_shares_update ON "it's"."item";
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's"."item";
CREATE POLICY agentstore_users ON "it's"."item" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's"."item" TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_select ON "it's"."item" FOR SELECT USING ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(false))::text[]));
CREATE POLICY agentstore_shares_insert ON "it's"."item" FOR INSERT WITH CHECK ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[]));
CREATE POLICY agentstore_shares_update ON "it's"."item" FOR UPDATE USING ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[])) WITH CHECK ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[]));
CREATE POLICY agentstore_shares_delete ON "it's"."item" FOR DELETE USING ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[]));
ALTER TABLE "it's"."item" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

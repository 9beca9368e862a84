DROP POLICY IF EXISTS agentstore_users ON "it's"."item_access";
DROP POLICY IF EXISTS agentstore_owner ON "it's"."item_access";
DROP POLICY IF EXISTS agentstore_shares_select ON "it's"."item_access";
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's"."item_access";
DROP POLICY IF EXISTS agentstore_shares_update ON "it's"."item_access";
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's"."item_access";
CREATE POLICY agentstore_users ON "it's"."item_access" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's"."item_access" TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_select ON "it's"."item_access" FOR SELECT USING ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(false))::text[]));
CREATE POLICY agentstore_shares_delete ON "it's"."item_access" FOR DELETE USING ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[]));
ALTER TABLE "it's"."item_access" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

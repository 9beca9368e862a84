DROP POLICY IF EXISTS agentstore_users ON "it's"."change";
DROP POLICY IF EXISTS agentstore_owner ON "it's"."change";
DROP POLICY IF EXISTS agentstore_shares_select ON "it's"."change";
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's"."change";
DROP POLICY IF EXISTS agentstore_shares_update ON "it's"."change";
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's"."change";
CREATE POLICY agentstore_users ON "it's"."change" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's"."change" TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_select ON "it's"."change" FOR SELECT USING ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(false))::text[]));
CREATE POLICY agentstore_shares_insert ON "it's"."change" FOR INSERT WITH CHECK ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[]));
ALTER TABLE "it's"."change" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

DROP POLICY IF EXISTS agentstore_users ON "it's"."quarantined_item";
DROP POLICY IF EXISTS agentstore_owner ON "it's"."quarantined_item";
DROP POLICY IF EXISTS agentstore_shares_select ON "it's"."quarantined_item";
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's"."quarantined_item";
DROP POLICY IF EXISTS agentstore_shares_update ON "it's"."quarantined_item";
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's"."quarantined_item";
CREATE POLICY agentstore_users ON "it's"."quarantined_item" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's"."quarantined_item" TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_insert ON "it's"."quarantined_item" FOR INSERT WITH CHECK ((octet_length(user_id)::text || ':' || user_id || ':' || namespace || ':') ^@ ANY ((SELECT "it's".shared_prefixes(true))::text[]));
ALTER TABLE "it's"."quarantined_item" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

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
ALTER TABLE "it's"."item_access" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

DROP POLICY IF EXISTS agentstore_users ON "it's"."share";
DROP POLICY IF EXISTS agentstore_owner ON "it's"."share";
DROP POLICY IF EXISTS agentstore_shares_select ON "it's"."share";
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's"."share";
DROP POLICY IF EXISTS agentstore_shares_update ON "it's"."share";
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's"."share";
CREATE POLICY agentstore_users ON "it's"."share" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's"."share" TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_select ON "it's"."share" FOR SELECT USING (with_user IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
ALTER TABLE "it's"."share" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

DROP POLICY IF EXISTS agentstore_users ON "it's"."watch";
DROP POLICY IF EXISTS agentstore_owner ON "it's"."watch";
DROP POLICY IF EXISTS agentstore_shares_select ON "it's"."watch";
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's"."watch";
DROP POLICY IF EXISTS agentstore_shares_update ON "it's"."watch";
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's"."watch";
CREATE POLICY agentstore_users ON "it's"."watch" USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's"."watch" TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_select ON "it's"."watch" FOR SELECT USING (user_id = ANY ((SELECT "it's".sharing_users())::text[]));
CREATE POLICY agentstore_shares_insert ON "it's"."watch" FOR INSERT WITH CHECK (user_id = ANY ((SELECT "it's".sharing_users())::text[]) AND watcher IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_shares_update ON "it's"."watch" FOR UPDATE USING (user_id = ANY ((SELECT "it's".sharing_users())::text[]) AND watcher IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id = ANY ((SELECT "it's".sharing_users())::text[]) AND watcher IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_shares_delete ON "it's"."watch" FOR DELETE USING (user_id = ANY ((SELECT "it's".sharing_users())::text[]) AND watcher IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
ALTER TABLE "it's"."watch" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

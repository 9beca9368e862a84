DROP POLICY IF EXISTS agentstore_users ON "it's_keys".user_key;
DROP POLICY IF EXISTS agentstore_owner ON "it's_keys".user_key;
DROP POLICY IF EXISTS agentstore_shares_select ON "it's_keys".user_key;
DROP POLICY IF EXISTS agentstore_shares_insert ON "it's_keys".user_key;
DROP POLICY IF EXISTS agentstore_shares_update ON "it's_keys".user_key;
DROP POLICY IF EXISTS agentstore_shares_delete ON "it's_keys".user_key;
CREATE POLICY agentstore_users ON "it's_keys".user_key USING (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[]))) WITH CHECK (user_id IN (SELECT unnest(coalesce(nullif(
       pg_catalog.current_setting('agentstore.users', true), ''), '{}')::text[])));
CREATE POLICY agentstore_owner ON "it's_keys".user_key TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY agentstore_shares_select ON "it's_keys".user_key FOR SELECT USING (user_id = ANY ((SELECT "it's".sharing_users())::text[]));
ALTER TABLE "it's_keys".user_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

WITH waited AS MATERIALIZED (
    SELECT "it's".wait_for_shared_writes($3::text) AS waited
)
DELETE FROM "it's".share s USING waited
 WHERE waited.waited AND s.user_id = $1 AND s.namespace = $2 AND s.with_user = $3
RETURNING 1

WITH waited AS MATERIALIZED (
    SELECT "it's".wait_for_shared_writes($3::text) AS waited
), unwatched AS (
    -- A watch that outlived the share would show what changed before the next one.
    DELETE FROM "it's".watch w WHERE w.user_id = $1 AND w.watcher = $3
)
DELETE FROM "it's".share s USING waited
 WHERE waited.waited AND s.user_id = $1 AND s.namespace = $2 AND s.with_user = $3
RETURNING 1

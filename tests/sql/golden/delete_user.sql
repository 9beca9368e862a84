WITH erased AS (
    DELETE FROM "agentstore".item i WHERE i.user_id = $1 RETURNING i.expires_at
), trace_1 AS (
    DELETE FROM "agentstore".item_access WHERE user_id = $1
), trace_2 AS (
    DELETE FROM "agentstore".item_lock WHERE user_id = $1
), trace_3 AS (
    DELETE FROM "agentstore".change WHERE user_id = $1
), trace_4 AS (
    DELETE FROM "agentstore".watch WHERE user_id = $1
), unshared AS (
    DELETE FROM "agentstore".share WHERE user_id = $1 OR with_user = $1
), unwatched AS (
    DELETE FROM "agentstore".watch WHERE watcher = $1
)
SELECT count(*) FILTER (WHERE (e.expires_at IS NULL OR e.expires_at > now())) FROM erased e

WITH expired AS (
    -- Several processes may sweep at once: each takes what no other holds.
    SELECT user_id, namespace, key FROM "agentstore".item
     WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM "agentstore".item i USING expired e
     WHERE i.user_id = e.user_id AND i.namespace = e.namespace AND i.key = e.key
    RETURNING 1
)
SELECT count(*) FROM gone

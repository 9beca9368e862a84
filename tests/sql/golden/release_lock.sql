WITH released AS (
    DELETE FROM "agentstore".item_lock l
     WHERE l.user_id = $1 AND l.namespace = $2 AND l.key = $3 AND l.token = $4
    RETURNING l.expires_at
)
SELECT expires_at > now() FROM released

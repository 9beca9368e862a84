WITH forgotten AS (
    DELETE FROM "agentstore".change WHERE user_id = $1 AND at < now() - $3::interval
)
UPDATE "agentstore".watch SET expires_at = now() + $3::interval
 WHERE user_id = $1 AND id = $2 AND expires_at > now()
RETURNING 1

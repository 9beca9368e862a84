WITH ended AS (
    DELETE FROM "agentstore".watch WHERE user_id = $1 AND id = $2
)
DELETE FROM "agentstore".change
 WHERE user_id = $1
   AND NOT EXISTS (SELECT 1 FROM "agentstore".watch WHERE user_id = $1 AND id <> $2)

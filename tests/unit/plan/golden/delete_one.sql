DELETE FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3

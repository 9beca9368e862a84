SELECT i.namespace, i.key, i.version, i.created_at FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND starts_with(i.key, $3) AND (i.expires_at IS NULL OR i.expires_at > now())

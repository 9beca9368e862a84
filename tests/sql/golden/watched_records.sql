SELECT i.key, i.version, i.created_at, i.value, i.updated_at FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = ANY ($3::text[]) AND (i.expires_at IS NULL OR i.expires_at > now())
 ORDER BY i.updated_at, i.key

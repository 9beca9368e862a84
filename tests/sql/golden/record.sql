SELECT i.value, i.version, i.metadata, i.created_by, i.created_at, i.updated_at, i.expires_at, i.ttl
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3 AND (i.expires_at IS NULL OR i.expires_at > now())

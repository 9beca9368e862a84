SELECT i.key, i.value, i.created_at
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = ANY($3::text[]) AND (i.expires_at IS NULL OR i.expires_at > now())

SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at
  FROM "agentstore".item i
 WHERE (i.user_id = $2 OR i.user_id > '') AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.namespace, i.key) > ($3, $4, $5) AND (true)
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1

SELECT i.key, i.value, i.created_at
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key >= $3 AND i.key < $4 AND i.key > $5 AND (i.value @> $6::jsonb)
 ORDER BY i.key
 LIMIT $7

SELECT i.key
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key >= $3 AND i.key < $4 AND i.key > $5
 ORDER BY i.key
 LIMIT $6

SELECT i.key, i.value, i.created_at, i.updated_at
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key > $3 AND i.key < $4
   AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $5 AND (i.expires_at IS NULL OR i.expires_at > now())
 ORDER BY i.key
 LIMIT $6

SELECT i.key, i.value, i.created_at, i.updated_at
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now())
   AND (coalesce(i.value->>'timestamp', '') COLLATE "C", i.key) < ($3 COLLATE "C", $4)
 ORDER BY coalesce(i.value->>'timestamp', '') COLLATE "C" DESC, i.key DESC
 LIMIT $5

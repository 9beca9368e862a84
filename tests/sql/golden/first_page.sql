SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at
  FROM "agentstore".item i
 WHERE ((i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (true)
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1

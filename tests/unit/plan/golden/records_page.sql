SELECT i.user_id, i.namespace, i.key, i.value, i.version, i.metadata, i.created_by,
       i.created_at, i.updated_at, i.expires_at, i.ttl
  FROM "agentstore".item i
 WHERE ((i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.namespace, i.key) > ($4, $5, $6)
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1

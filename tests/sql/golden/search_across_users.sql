SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, i.place
  FROM "agentstore".item i
 WHERE (i.user_id = $3 OR i.user_id > '') AND (i.expires_at IS NULL OR i.expires_at > now()) AND (true)
 ORDER BY i.updated_at DESC, i.user_id, i.place, i.key
 LIMIT $1 OFFSET $2

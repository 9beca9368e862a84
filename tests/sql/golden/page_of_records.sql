SELECT i.user_id, i.namespace, i.key, i.value, i.metadata, i.version, i.created_by, i.created_at, i.updated_at, i.expires_at, i.ttl, coalesce(a.access_count, 0), a.last_accessed_at, a.last_accessed_by
  FROM "agentstore".item i
  LEFT JOIN "agentstore".item_access a
    ON a.user_id = i.user_id AND a.namespace = i.namespace AND a.key = i.key
   -- Counts of a record that was removed say nothing about the one that took its place.
   AND a.item_created_at = i.created_at
 WHERE true AND i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.namespace, i.key) > ($4, $5, $6)
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1

SELECT i.user_id, i.namespace, i.key, a.access_count, a.last_accessed_at, a.last_accessed_by
  FROM "agentstore".item_access a
  JOIN "agentstore".item i
    ON i.user_id = a.user_id AND i.namespace = a.namespace AND i.key = a.key
   -- Counts of a record that was removed say nothing about the one that took its place.
   AND i.created_at = a.item_created_at
 WHERE a.access_count > 0 AND true AND i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')) AND (i.expires_at IS NULL OR i.expires_at > now())
 ORDER BY a.access_count DESC, a.last_accessed_at DESC, i.user_id, i.place, i.key
 LIMIT $1

SELECT i.user_id, i.namespace, i.key, i.value, i.metadata, i.version, i.created_by, i.created_at, i.updated_at, i.expires_at, i.ttl, coalesce(a.access_count, 0), a.last_accessed_at, a.last_accessed_by, p.position
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS p (user_id, namespace, key, position)
  JOIN ("agentstore".item i
  LEFT JOIN "agentstore".item_access a
    ON a.user_id = i.user_id AND a.namespace = i.namespace AND a.key = i.key
   -- Counts of a record that was removed say nothing about the one that took its place.
   AND a.item_created_at = i.created_at)
    ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
 WHERE (i.expires_at IS NULL OR i.expires_at > now())

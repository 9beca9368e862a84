SELECT q.user_id, q.namespace, q.key, q.place, q.value, q.metadata, q.created_by, q.ttl,
       q.indexed_paths
  FROM "s".quarantined_item q
 WHERE q.id = $1 AND ((q.user_id = $2 AND (q.namespace = $3::text OR (q.namespace >= $3::text || ':' AND q.namespace < $3::text || ';'))))

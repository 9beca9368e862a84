SELECT q.user_id, q.id, q.namespace, q.key, q.value, q.reason, q.provenance, q.role, q.quarantined_at
  FROM "s".quarantined_item q
 WHERE ((q.user_id = $2 AND (q.namespace = $3::text OR (q.namespace >= $3::text || ':' AND q.namespace < $3::text || ';'))))
 ORDER BY q.quarantined_at, q.id LIMIT $1

SELECT a.user_id, a.operation, a.namespace, a.key, a.reads, a.read_at, a.provenance, a.role
  FROM "s".item_read a
 WHERE ((a.user_id = $1 AND (a.namespace = $2::text OR (a.namespace >= $2::text || ':' AND a.namespace < $2::text || ';')))) AND a.read_at >= $3 AND a.read_at <= $4
 ORDER BY a.read_at DESC, a.seq DESC LIMIT $5

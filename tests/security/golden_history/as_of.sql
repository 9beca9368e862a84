SELECT (r.covered IS NULL OR EXISTS (
               SELECT 1 FROM unnest(r.covered) c (label)
                WHERE c.label = '' OR $2::text = c.label
                   OR starts_with($2::text, c.label || ':'))) AND w.moment >= greatest(r.began_at, now() - r.retention), greatest(r.began_at, now() - r.retention), was.*
  FROM "s".history_rule r
 CROSS JOIN (SELECT $4::text::timestamptz AS moment) w
  LEFT JOIN LATERAL (
       SELECT h.* FROM "s".item_history h
        WHERE h.user_id = $1 AND h.namespace = $2 AND h.key = $3 AND h.changed_at > w.moment
        ORDER BY h.changed_at, h.seq LIMIT 1) h ON true
  LEFT JOIN "s".item i
    ON h.seq IS NULL AND i.user_id = $1 AND i.namespace = $2 AND i.key = $3
  LEFT JOIN LATERAL (SELECT coalesce(h.user_id, i.user_id), CASE WHEN h.seq IS NULL THEN i.value ELSE h.value END AS value, CASE WHEN h.seq IS NULL THEN i.version ELSE h.version END AS version, CASE WHEN h.seq IS NULL THEN i.metadata ELSE h.metadata END AS metadata, CASE WHEN h.seq IS NULL THEN i.created_by ELSE h.created_by END AS created_by, CASE WHEN h.seq IS NULL THEN i.created_at ELSE h.created_at END AS created_at, CASE WHEN h.seq IS NULL THEN i.updated_at ELSE h.updated_at END AS updated_at, CASE WHEN h.seq IS NULL THEN i.expires_at ELSE h.expires_at END AS expires_at, CASE WHEN h.seq IS NULL THEN i.ttl ELSE h.ttl END AS ttl) was
    ON (was.expires_at > w.moment) IS NOT FALSE
 WHERE r.one

SELECT h.user_id, h.namespace, h.key, h.changed_at, h.seq, h.operation, h.new_version,
       h.provenance, h.role,
       -- What the write left: the next one replaced it, or it is there still.
       CASE WHEN h.new_version IS NULL THEN NULL
            WHEN n.seq IS NOT NULL THEN n.value ELSE i.value END,
       h.value, h.version, h.metadata, h.created_by, h.created_at, h.updated_at, h.expires_at, h.ttl
  FROM (SELECT h.* FROM "s".item_history h
         WHERE h.user_id = $1 AND h.namespace = $2 AND h.key = $3
         ORDER BY h.changed_at DESC, h.seq DESC LIMIT $4) h
  LEFT JOIN LATERAL (
       SELECT n.seq, n.value FROM "s".item_history n
        WHERE n.user_id = h.user_id AND n.namespace = h.namespace AND n.key = h.key
          AND (n.changed_at, n.seq) > (h.changed_at, h.seq)
        ORDER BY n.changed_at, n.seq LIMIT 1) n ON true
  LEFT JOIN "s".item i
    ON n.seq IS NULL AND i.user_id = h.user_id AND i.namespace = h.namespace AND i.key = h.key
 ORDER BY h.changed_at DESC, h.seq DESC

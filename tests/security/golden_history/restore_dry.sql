WITH page AS MATERIALIZED (
    -- The first change after the moment has what was there at it.
    SELECT DISTINCT ON (h.user_id, h.namespace, h.key) h.*
      FROM "s".item_history h
     WHERE (h.user_id, h.namespace, h.key) > ($1, $2, $3) AND ((h.user_id = $6 AND (h.namespace = $7::text OR (h.namespace >= $7::text || ':' AND h.namespace < $7::text || ';')))) AND h.changed_at > $4
     ORDER BY h.user_id, h.namespace, h.key, h.changed_at, h.seq
     LIMIT $5
), plan AS MATERIALIZED (
    SELECT p.*, CASE WHEN p.version IS NULL OR p.expires_at <= now()
                     THEN CASE WHEN i.user_id IS NULL THEN 'same' ELSE 'delete' END
                     WHEN ROW(i.value, i.metadata, i.created_by, i.created_at, i.updated_at, i.ttl, i.expires_at) IS DISTINCT FROM ROW(p.value, p.metadata, p.created_by, p.created_at, p.updated_at, p.ttl, p.expires_at) THEN 'put' ELSE 'same' END AS action
      FROM page p LEFT JOIN "s".item i ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
)
SELECT p.user_id, p.namespace, p.key, p.action, NULL, NULL, NULL FROM plan p ORDER BY user_id, namespace, key

WITH former AS MATERIALIZED (
    -- The first change after the moment has what was there at it.
    SELECT DISTINCT ON (h.user_id, h.namespace, h.key) h.*
      FROM "s".item_history h
     WHERE ((h.user_id = $4 AND (h.namespace = $5::text OR (h.namespace >= $5::text || ':' AND h.namespace < $5::text || ';')))) AND h.changed_at > $1
     ORDER BY h.user_id, h.namespace, h.key, h.changed_at, h.seq
), present AS (
    SELECT h.user_id, h.namespace, h.key, h.value, h.created_at, h.updated_at, h.expires_at, h.words FROM former h
     WHERE h.version IS NOT NULL AND (h.expires_at > $1) IS NOT FALSE
     UNION ALL
    SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at, i.expires_at, i.words FROM "s".item i
     WHERE ((i.user_id = $6 AND (i.namespace = $7::text OR (i.namespace >= $7::text || ':' AND i.namespace < $7::text || ';')))) AND (i.expires_at > $1) IS NOT FALSE
       AND NOT EXISTS (SELECT 1 FROM former h WHERE h.user_id = i.user_id AND h.namespace = i.namespace AND h.key = i.key)
)
SELECT $1 >= greatest(r.began_at, now() - r.retention), greatest(r.began_at, now() - r.retention), i.*
  FROM "s".history_rule r LEFT JOIN LATERAL (
        SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at, NULL::float8 AS score
          FROM present i
         WHERE (r.covered IS NULL OR EXISTS (
               SELECT 1 FROM unnest(r.covered) c (label)
                WHERE c.label = '' OR i.namespace = c.label
                   OR starts_with(i.namespace, c.label || ':')))
           AND (true) AND true
         ORDER BY score DESC NULLS LAST, i.updated_at DESC, i.user_id, i.namespace, i.key
         LIMIT $2 OFFSET $3) i ON true
 ORDER BY score DESC NULLS LAST, i.updated_at DESC, i.user_id, i.namespace, i.key

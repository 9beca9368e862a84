WITH RECURSIVE walk AS (
    -- The namespaces at or below the prefix: one index probe each, not one row each.
    (SELECT i.place FROM "agentstore".item i
      WHERE i.user_id = $3 AND i.place >= $4  ORDER BY i.place LIMIT 1)
    UNION ALL
    SELECT following.place
      FROM walk CROSS JOIN LATERAL (
           SELECT i.place FROM "agentstore".item i
            WHERE i.user_id = $3 AND i.place > walk.place  ORDER BY i.place LIMIT 1) following
), spaces AS MATERIALIZED (
    SELECT place FROM walk LIMIT 33
)
SELECT *, (SELECT array_agg(s.place) FROM spaces s
            WHERE (SELECT count(*) FROM spaces) <= 32
              AND EXISTS (
           SELECT 1 FROM "agentstore".item i WHERE i.user_id = $3 AND i.place = s.place AND i.newest_at IS NULL
           OFFSET CASE WHEN EXISTS (SELECT 1 FROM "agentstore".item i WHERE i.user_id = $3 AND i.place = s.place AND i.newest_at IS NOT NULL)
                       THEN 256 ELSE 4096 END)) AS grown
  FROM (
    -- Few namespaces: the newest of each.
    SELECT newest.* FROM spaces CROSS JOIN LATERAL (
        (SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, i.place
          FROM "agentstore".item i
         WHERE i.user_id = $3 AND i.place = spaces.place AND (i.expires_at IS NULL OR i.expires_at > now()) AND (true) AND i.newest_at IS NOT NULL
         ORDER BY i.newest_at DESC, i.key LIMIT $1::bigint + $2::bigint)
        UNION ALL
        (SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, i.place
          FROM "agentstore".item i
         WHERE i.user_id = $3 AND i.place = spaces.place AND (i.expires_at IS NULL OR i.expires_at > now()) AND (true) AND i.newest_at IS NULL
         ORDER BY i.updated_at DESC, i.key LIMIT $1::bigint + $2::bigint)
    ) newest
     WHERE (SELECT count(*) FROM spaces) <= 32
    UNION ALL
    -- Many: everything below the prefix, sorted.
    (SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, i.place
          FROM "agentstore".item i
         WHERE i.user_id = $3 AND (i.expires_at IS NULL OR i.expires_at > now()) AND (true) AND i.place >= $4  AND (SELECT count(*) FROM spaces) > 32
         ORDER BY i.updated_at DESC, i.place, i.key LIMIT $1::bigint + $2::bigint)
) found
 ORDER BY updated_at DESC, place, key
 LIMIT $1 OFFSET $2

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
SELECT * FROM (
    -- Few namespaces: the newest of each, in the order of the index.
    SELECT newest.* FROM spaces CROSS JOIN LATERAL (
        SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, i.place
          FROM "agentstore".item i
         WHERE i.user_id = $3 AND (i.expires_at IS NULL OR i.expires_at > now()) AND (true) AND i.place = spaces.place
         ORDER BY i.updated_at DESC, i.key LIMIT $1::bigint + $2::bigint) newest
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

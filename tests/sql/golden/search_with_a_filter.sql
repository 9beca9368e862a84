SELECT newest.*, below.some, below.grown
  -- OFFSET 0: in a batch, the server would look again for each row that is found.
  FROM (SELECT EXISTS (SELECT 1 FROM "agentstore".item i
                        WHERE i.user_id = $3 AND i.place > $4 AND i.place < $5) AS some,
               EXISTS (
           SELECT 1 FROM "agentstore".item i WHERE i.user_id = $3 AND i.place = $4 AND i.newest_at IS NULL
           OFFSET CASE WHEN EXISTS (SELECT 1 FROM "agentstore".item i WHERE i.user_id = $3 AND i.place = $4 AND i.newest_at IS NOT NULL)
                       THEN 256 ELSE 4096 END) AS grown OFFSET 0) below
  LEFT JOIN LATERAL (
    SELECT * FROM (
    (SELECT i.key, i.value, i.created_at, i.updated_at, i.expires_at,
               CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed
          FROM "agentstore".item i
         WHERE i.user_id = $3 AND NOT below.some AND i.place = $4 AND (i.expires_at IS NULL OR i.expires_at > now()) AND ((i.value @> $6::jsonb) AND (jsonb_typeof((i.value -> $7::text)) = 'number' AND (i.value -> $7::text) > $8::jsonb)) AND i.newest_at IS NOT NULL
         ORDER BY i.newest_at DESC, i.key LIMIT $1::bigint + $2::bigint)
        UNION ALL
        (SELECT i.key, i.value, i.created_at, i.updated_at, i.expires_at,
               CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed
          FROM "agentstore".item i
         WHERE i.user_id = $3 AND NOT below.some AND i.place = $4 AND (i.expires_at IS NULL OR i.expires_at > now()) AND ((i.value @> $6::jsonb) AND (jsonb_typeof((i.value -> $7::text)) = 'number' AND (i.value -> $7::text) > $8::jsonb)) AND i.newest_at IS NULL
         ORDER BY i.updated_at DESC, i.key LIMIT $1::bigint + $2::bigint)
    ) found
     ORDER BY updated_at DESC, key LIMIT $1 OFFSET $2) newest ON true

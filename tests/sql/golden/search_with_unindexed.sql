WITH sampled AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE (i.value @> $4::jsonb)) * 10 < count(*) AS selective
      FROM (SELECT i.value FROM "agentstore".item i WHERE ((i.user_id = $7 AND (i.namespace = $8::text OR (i.namespace >= $8::text || ':' AND i.namespace < $8::text || ';'))))
             -- In one order: all pages of a search must come to the same view.
             ORDER BY i.user_id, i.namespace, i.key LIMIT 100) i
), gate AS MATERIALIZED (
    SELECT NOT selective AND EXISTS (
               SELECT 1 FROM "agentstore".item_vector_1 v
                WHERE ((v.user_id = $5 AND (v.namespace = $6::text OR (v.namespace >= $6::text || ':' AND v.namespace < $6::text || ';')))) OFFSET (
        SELECT greatest(10000,
                        sqrt(2500 * greatest(c.reltuples, 0)))::bigint
          FROM pg_class c WHERE c.oid = '"agentstore".item_vector_1'::regclass)) AS large,
           set_config('hnsw.ef_search', '250', true) AS s0,
           set_config('hnsw.iterative_scan', 'relaxed_order', true) AS s1,
           set_config('hnsw.scan_mem_multiplier', '4', true) AS s2
      FROM sampled
), near AS MATERIALIZED (
    SELECT p.user_id, p.namespace, p.key, p.distance
      FROM gate
     CROSS JOIN LATERAL (
           SELECT v.user_id, v.namespace, v.key, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1) AS distance
             FROM "agentstore".item_vector_1 v
            -- Within CASE no index serves the condition, and the planner takes it for a frequent
            -- one: so it goes by the order, which only the approximate index has.
            WHERE gate.large AND CASE WHEN ((v.user_id = $5 AND (v.namespace = $6::text OR (v.namespace >= $6::text || ':' AND v.namespace < $6::text || ';')))) THEN EXISTS (
                  SELECT 1 FROM "agentstore".item i
                   WHERE i.user_id = v.user_id AND i.namespace = v.namespace AND i.key = v.key
                     AND i.version = v.version AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) OFFSET 0) ELSE false END
            ORDER BY v.embedding <=> $1::vector LIMIT 250) p
), found AS MATERIALIZED (
    SELECT gate.large, (SELECT count(*) FROM near) = 250 AS full_pool,
           (SELECT count(DISTINCT (n.user_id, n.namespace, n.key)) FROM near n) < ($2::bigint + $3::bigint) AS deep
      FROM gate
), way AS MATERIALIZED (
    SELECT NOT (large AND full_pool) OR deep AS measured,
           CASE WHEN selective THEN 'selective' WHEN NOT large THEN 'exact'
                WHEN NOT full_pool THEN 'retry' WHEN deep THEN 'index and exact'
                ELSE 'index' END AS name
      FROM found CROSS JOIN sampled
), kept AS MATERIALIZED (
    SELECT * FROM near WHERE (SELECT large AND full_pool FROM found)
),
measured AS MATERIALIZED (
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1) AS distance
      FROM "agentstore".item_vector_1 v
     WHERE ((v.user_id = $5 AND (v.namespace = $6::text OR (v.namespace >= $6::text || ':' AND v.namespace < $6::text || ';')))) AND v.embedding IS NOT NULL
       AND (SELECT measured AND NOT selective FROM way CROSS JOIN sampled)
       AND (v.user_id, v.namespace, v.key) NOT IN (SELECT n.user_id, n.namespace, n.key FROM kept n)
    UNION ALL
    -- Where few pass the filter, no vectors but theirs are read.
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1)
      FROM (SELECT i.user_id, i.namespace, i.key, i.version FROM "agentstore".item i
             WHERE (SELECT selective FROM sampled) AND ((i.user_id = $7 AND (i.namespace = $8::text OR (i.namespace >= $8::text || ':' AND i.namespace < $8::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT * FROM "agentstore".item_vector_1 v
            WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key
              AND v.version = i.version AND v.embedding IS NOT NULL OFFSET 0) v
), closest AS MATERIALIZED (
    -- Mostly so few parts give enough items, and need no sort of all.
    -- OFFSET 0: the approximate index must not give their order.
    SELECT * FROM (SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1) AS distance
      FROM "agentstore".item_vector_1 v
     WHERE ((v.user_id = $5 AND (v.namespace = $6::text OR (v.namespace >= $6::text || ':' AND v.namespace < $6::text || ';')))) AND v.embedding IS NOT NULL
       AND (SELECT measured AND NOT selective FROM way CROSS JOIN sampled)
       AND (v.user_id, v.namespace, v.key) NOT IN (SELECT n.user_id, n.namespace, n.key FROM kept n)
    UNION ALL
    -- Where few pass the filter, no vectors but theirs are read.
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1)
      FROM (SELECT i.user_id, i.namespace, i.key, i.version FROM "agentstore".item i
             WHERE (SELECT selective FROM sampled) AND ((i.user_id = $7 AND (i.namespace = $8::text OR (i.namespace >= $8::text || ':' AND i.namespace < $8::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT * FROM "agentstore".item_vector_1 v
            WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key
              AND v.version = i.version AND v.embedding IS NOT NULL OFFSET 0) v OFFSET 0) measured
     ORDER BY distance, user_id, namespace, key LIMIT (($2::bigint + $3::bigint) + 20)
), first AS MATERIALIZED (
    SELECT p.user_id, p.namespace, p.key, min(p.distance) AS distance
      FROM closest p
     CROSS JOIN LATERAL (
            SELECT 1 FROM "agentstore".item i
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) OFFSET 0) i
     GROUP BY p.user_id, p.namespace, p.key
), short AS MATERIALIZED (
    SELECT (SELECT count(*) FROM first) < ($2::bigint + $3::bigint)
       AND (SELECT count(*) FROM closest) = (($2::bigint + $3::bigint) + 20) AS of_items
), all_measured AS MATERIALIZED (
    -- Nearest first, until there are enough: an item is looked at only when its turn has come.
    SELECT p.user_id, p.namespace, p.key, p.distance
      FROM (SELECT user_id, namespace, key, version, min(distance) AS distance
              FROM measured WHERE (SELECT of_items FROM short)
             GROUP BY user_id, namespace, key, version ORDER BY distance, user_id, namespace, key) p
     CROSS JOIN LATERAL (
            SELECT 1 FROM "agentstore".item i
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) OFFSET 0) i
     LIMIT ($2::bigint + $3::bigint)
), vector_list AS MATERIALIZED (
    SELECT user_id, namespace, key, distance,
           row_number() OVER (ORDER BY tier, distance, user_id, namespace, key) AS rank
      FROM (SELECT user_id, namespace, key, min(distance) AS distance, 0 AS tier
              FROM kept GROUP BY user_id, namespace, key
            UNION ALL
            SELECT *, 1 FROM first WHERE NOT (SELECT of_items FROM short)
            UNION ALL
            SELECT *, 1 FROM all_measured) found
     ORDER BY tier, distance, user_id, namespace, key LIMIT ($2::bigint + $3::bigint)
), unindexed AS MATERIALIZED (
    SELECT i.user_id, i.namespace, i.key, i.updated_at
      FROM "agentstore".item i
     WHERE ((i.user_id = $9 AND (i.namespace = $10::text OR (i.namespace >= $10::text || ':' AND i.namespace < $10::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) AND NOT EXISTS (SELECT 1 FROM "agentstore".item_vector_1 v
                        WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key
                          AND v.version = i.version
                          AND v.embedding IS NOT NULL)
     ORDER BY i.updated_at DESC, i.user_id, i.namespace, i.key LIMIT ($2::bigint + $3::bigint)
), ranked AS (
    SELECT user_id, namespace, key, updated_at, 1 - distance AS score,
           vector_rank, text_rank, distance, words, lexemes, false AS tail
      FROM (SELECT user_id, namespace, key, NULL::timestamptz AS updated_at,
                   min(distance) AS distance, min(vector_rank) AS vector_rank,
                   min(text_rank) AS text_rank, max(words) AS words, max(lexemes) AS lexemes
              FROM (SELECT user_id, namespace, key, distance, rank AS vector_rank,
                    NULL::bigint AS text_rank, NULL::float8 AS words, NULL::text[] AS lexemes
               FROM vector_list) listed
             GROUP BY user_id, namespace, key) merged
     UNION ALL
    SELECT user_id, namespace, key, updated_at, NULL, NULL, NULL, NULL, NULL, NULL, true
      FROM unindexed
), page AS (
    SELECT r.* FROM ranked r WHERE true AND true
     ORDER BY r.tail, r.vector_rank, r.text_rank, r.updated_at DESC, r.user_id, r.namespace, r.key LIMIT $2 OFFSET $3
)
SELECT r.user_id, r.namespace, r.key, i.value, i.created_at, i.updated_at, i.expires_at,
       CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, r.score, r.vector_rank, r.text_rank,
       (1 - r.distance) AS similarity, r.words AS text_score,
       NULL::integer[] AS matched, (SELECT name FROM way) AS way
  FROM (SELECT 1) one
  LEFT JOIN (page r JOIN "agentstore".item i
             ON i.user_id = r.user_id AND i.namespace = r.namespace AND i.key = r.key) ON true
 ORDER BY r.tail, r.vector_rank, r.text_rank, r.updated_at DESC, r.user_id, r.namespace, r.key

WITH sampled AS MATERIALIZED (SELECT false AS selective),
gate AS MATERIALIZED (
    SELECT NOT selective AND EXISTS (
               SELECT 1 FROM "agentstore".item_vector_1 v
                WHERE ((v.user_id = $4 AND (v.namespace = $5::text OR (v.namespace >= $5::text || ':' AND v.namespace < $5::text || ';')))) OFFSET (
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
            WHERE gate.large AND CASE WHEN ((v.user_id = $4 AND (v.namespace = $5::text OR (v.namespace >= $5::text || ':' AND v.namespace < $5::text || ';')))) THEN EXISTS (
                  SELECT 1 FROM "agentstore".item i
                   WHERE i.user_id = v.user_id AND i.namespace = v.namespace AND i.key = v.key
                     AND i.version = v.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) OFFSET 0) ELSE false END
            ORDER BY v.embedding <=> $1::vector LIMIT 250) p
), found AS MATERIALIZED (
    SELECT gate.large, (SELECT count(*) FROM near) = 250 AS full_pool,
           (SELECT count(DISTINCT (n.user_id, n.namespace, n.key)) FROM near n) < 250 AS deep
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
     WHERE ((v.user_id = $4 AND (v.namespace = $5::text OR (v.namespace >= $5::text || ':' AND v.namespace < $5::text || ';')))) AND v.embedding IS NOT NULL
       AND (SELECT measured AND NOT selective FROM way CROSS JOIN sampled)
       AND (v.user_id, v.namespace, v.key) NOT IN (SELECT n.user_id, n.namespace, n.key FROM kept n)
    UNION ALL
    -- Where few pass the filter, no vectors but theirs are read.
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1)
      FROM (SELECT i.user_id, i.namespace, i.key, i.version FROM "agentstore".item i
             WHERE (SELECT selective FROM sampled) AND ((i.user_id = $6 AND (i.namespace = $7::text OR (i.namespace >= $7::text || ':' AND i.namespace < $7::text || ';')))) AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT * FROM "agentstore".item_vector_1 v
            WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key
              AND v.version = i.version AND v.embedding IS NOT NULL OFFSET 0) v
), closest AS MATERIALIZED (
    -- Mostly so few parts give enough items, and need no sort of all.
    -- OFFSET 0: the approximate index must not give their order.
    SELECT * FROM measured
     ORDER BY distance, user_id, namespace, key LIMIT (250 + 20)
), first AS MATERIALIZED (
    SELECT p.user_id, p.namespace, p.key, min(p.distance) AS distance
      FROM closest p
     CROSS JOIN LATERAL (
            SELECT 1 FROM "agentstore".item i
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) OFFSET 0) i
     GROUP BY p.user_id, p.namespace, p.key
), short AS MATERIALIZED (
    SELECT (SELECT count(*) FROM first) < 250
       AND (SELECT count(*) FROM closest) = (250 + 20) AS of_items
), all_measured AS MATERIALIZED (
    -- Nearest first, until there are enough: an item is looked at only when its turn has come.
    SELECT p.user_id, p.namespace, p.key, p.distance
      FROM (SELECT user_id, namespace, key, version, min(distance) AS distance
              FROM measured WHERE (SELECT of_items FROM short)
             GROUP BY user_id, namespace, key, version ORDER BY distance, user_id, namespace, key) p
     CROSS JOIN LATERAL (
            SELECT 1 FROM "agentstore".item i
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) OFFSET 0) i
     LIMIT 250
), vector_list AS MATERIALIZED (
    SELECT user_id, namespace, key, distance,
           row_number() OVER (ORDER BY tier, distance, user_id, namespace, key) AS rank
      FROM (SELECT user_id, namespace, key, min(distance) AS distance, 0 AS tier
              FROM kept GROUP BY user_id, namespace, key
            UNION ALL
            SELECT *, 1 FROM first WHERE NOT (SELECT of_items FROM short)
            UNION ALL
            SELECT *, 1 FROM all_measured) found
     ORDER BY tier, distance, user_id, namespace, key LIMIT 250
), typical AS MATERIALIZED (
    SELECT (coalesce(sum(distance), 0) + 50.0) / (count(*) + 50)
           AS distance
      FROM (SELECT distance FROM measured
            UNION ALL
            (SELECT coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1) FROM "agentstore".item_vector_1 v
              WHERE NOT (SELECT measured FROM way) AND ((v.user_id = $8 AND (v.namespace = $9::text OR (v.namespace >= $9::text || ':' AND v.namespace < $9::text || ';')))) AND v.embedding IS NOT NULL
              LIMIT 500)) m
), vector_span AS MATERIALIZED (
    -- The farthest that was measured, or that the index gave: the same on every page.
    SELECT (SELECT min(distance) FROM vector_list) AS near,
           coalesce((SELECT max(distance) FROM kept), (SELECT max(distance) FROM measured)) AS far,
           -- What the index passed by is measured for deep pages alone, so it is not scaled.
           (SELECT nullif(count(DISTINCT (k.user_id, k.namespace, k.key)), 0) FROM kept k)
               AS indexed
), nearest AS MATERIALIZED (
    SELECT i.place, rank, 1 - distance AS similarity, (SELECT greatest(coalesce((far - distance) / nullif(far - near, 0), 1), 0)
               FROM vector_span) AS nearness,
           least(greatest(1 - distance / (SELECT distance FROM typical), 0), 1) AS closeness
      FROM vector_list v
     CROSS JOIN LATERAL (SELECT i.ctid AS place FROM "agentstore".item i WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key = v.key OFFSET 0) i
), candidates AS MATERIALIZED (
    SELECT c.place, coalesce(sum(c.words), 0) AS words,
           -- LEAST ignores NULL, which the sum is for a turn that has no word of the query.
           least(coalesce(sum(c.share), 0), 1) AS share, max(c.rank) AS vector_rank,
           max(c.similarity) AS similarity, coalesce(max(c.nearness), 0) AS nearness,
           coalesce(max(c.closeness), 0) AS closeness
      FROM (SELECT place, NULL::float8, NULL::float8, rank, similarity, nearness, closeness FROM nearest)
           AS c (place, words, share, rank, similarity, nearness, closeness)
     GROUP BY c.place
), scored AS MATERIALIZED (
    SELECT c.*, c.words + c.vectors + c.length AS own
      FROM (SELECT c.place, i.key, c.words, 0.8::float8 * c.nearness AS vectors,
                   0::float8 AS length,
                   c.closeness AS relevance, c.similarity, c.vector_rank, NULL::text[] AS names,
                   CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE i.value->>'thread_id' END AS thread
              FROM candidates c
             CROSS JOIN LATERAL (SELECT i.key, i.words, i.word_count, i.value FROM "agentstore".item i WHERE i.ctid = c.place OFFSET 0) i) c
), best AS (
    SELECT s.*, CASE WHEN s.words > 0 THEN rank() OVER (ORDER BY s.words DESC) END AS word_rank,
           0.15 * max(s.own) OVER (PARTITION BY s.thread) AS thread_best,
           CASE WHEN cardinality(s.names) = 1
                 AND (SELECT count(DISTINCT name) FROM scored, unnest(names) name) = 1
                THEN 0.3::float8 ELSE 0 END AS speaker
      FROM scored s
), page AS (
    SELECT b.*, b.own + b.thread_best + b.speaker AS score
      FROM best b WHERE b.similarity >= $11::float8 AND b.relevance >= $12::float8
     ORDER BY b.own + b.thread_best + b.speaker DESC, b.key DESC LIMIT $10
)
SELECT p.key, i.value, i.created_at, p.score, m.own_words, p.words - m.own_words, p.vectors,
       p.length, p.thread_best, p.speaker, p.relevance, p.similarity, p.word_rank, p.vector_rank,
       m.own, m.passed, CASE WHEN p.speaker > 0 THEN substr(p.names[1], 2) END AS speaker_name
  FROM page p CROSS JOIN LATERAL (SELECT i.value, i.created_at FROM "agentstore".item i WHERE i.ctid = p.place OFFSET 0) i
 CROSS JOIN LATERAL (SELECT 0::float8 AS own_words, NULL AS own, NULL AS passed) m
 ORDER BY p.score DESC, p.key DESC

WITH query_words AS MATERIALIZED (
    SELECT position::integer, tsvector_to_array(to_tsvector('english'::regconfig, word)) AS lexemes
      FROM unnest($10::text[]) WITH ORDINALITY AS q (word, position)
),
lexemes AS MATERIALIZED (
    SELECT lexeme, false AS beginning
      FROM unnest(tsvector_to_array(to_tsvector('english'::regconfig, $11::text))) AS lexeme
), asked AS MATERIALIZED (
    -- Any of the words: a question is not a conjunction.
    SELECT array_agg(lexeme) AS lexemes,
           string_agg('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery AS words
      FROM lexemes
), hits AS MATERIALIZED (
    SELECT i.user_id, i.namespace, i.key, i.word_count, i.kept, t.lexeme, t.tf
      FROM asked
     CROSS JOIN LATERAL (
           SELECT i.user_id, i.namespace, i.key, i.word_count, i.words,
                  true AS kept
             FROM "agentstore".item i
            WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $9::text), false) AND i.words @@ asked.words OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT u.lexeme, cardinality(u.positions) AS tf
             FROM unnest(i.words) u WHERE u.lexeme = ANY (asked.lexemes)) t
), totals AS MATERIALIZED (
    SELECT count(*) AS n, greatest(avg(i.word_count), 1)::float8 AS mean
      FROM "agentstore".item i
     WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $9::text), false) AND i.words IS NOT NULL
), weights AS MATERIALIZED (
    SELECT h.lexeme, ln(1 + (totals.n - count(*) + 0.5) / (count(*) + 0.5))::float8 AS idf
      FROM hits h CROSS JOIN totals GROUP BY h.lexeme, totals.n
), asked_for AS MATERIALIZED (
    SELECT l.lexeme, coalesce(w.idf, ln(1 + (t.n + 0.5) / 0.5)) AS idf,
           ('''' || replace(replace(l.lexeme, '\', '\\'), '''', '''''') || '''' || CASE WHEN l.beginning THEN ':*' ELSE ':' END || 'AD')::tsquery AS head, ('''' || replace(replace(l.lexeme, '\', '\\'), '''', '''''') || '''' || CASE WHEN l.beginning THEN ':*' ELSE ':' END || 'BD')::tsquery AS tail
      FROM lexemes l LEFT JOIN weights w USING (lexeme) CROSS JOIN totals t
), question AS MATERIALIZED (
    -- Weights are logarithms, so to add unseen turns to the scope is to add one number to each.
    SELECT sum(a.idf) AS idf, max(t.more) AS more,
           least(sum(a.idf + t.more), max(5 * (ln((t.n + 1) / 0.5) + t.more)))
           AS relevant
      FROM asked_for a
     CROSS JOIN (SELECT n, ln((n + 1.0 + 200) / (n + 1)) AS more FROM totals) t
), seeds AS MATERIALIZED (
    SELECT h.key, CASE WHEN h.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(h.key, -24) END AS thread
      FROM hits h JOIN weights w USING (lexeme) CROSS JOIN totals t
     GROUP BY h.key
     ORDER BY sum(w.idf * h.tf * 2.2::float8
               / (h.tf + 1.2::float8 * (0.6 + 0.4::float8 * h.word_count / t.mean))
           ) DESC, h.key DESC
     LIMIT 400
), passed AS MATERIALIZED (
    SELECT n.key, n.word_count, e.lexeme, n.share
      FROM seeds s
     CROSS JOIN LATERAL (SELECT i.words FROM "agentstore".item i WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key = s.key OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT n.key, n.word_count, true AS is_after,
                  ('{0.5, 0.25}'::float8[])[n.nth] AS share
             FROM (SELECT i.key, i.word_count, row_number() OVER (ORDER BY i.key) AS nth
                     FROM (SELECT i.key, i.word_count FROM "agentstore".item i
                            WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key > s.key AND i.key < s.thread || ':'
                            ORDER BY i.key LIMIT 2) i) n
           UNION ALL
           SELECT n.key, n.word_count, false AS is_after,
                  ('{0.35, 0.15}'::float8[])[n.nth] AS share
             FROM (SELECT i.key, i.word_count, row_number() OVER (ORDER BY i.key DESC) AS nth
                     FROM (SELECT i.key, i.word_count FROM "agentstore".item i
                            WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key < s.key AND i.key > s.thread || '0'
                            ORDER BY i.key DESC LIMIT 2) i) n) n
     CROSS JOIN LATERAL (
           SELECT a.lexeme FROM asked_for a
            WHERE i.words @@ CASE WHEN n.is_after THEN a.tail ELSE a.head END) e
     WHERE left(n.key, -24) = s.thread
), frequencies AS MATERIALIZED (
    SELECT f.key, f.lexeme, w.idf, f.word_count, sum(f.own) AS own,
           least(1, 40::float8 / greatest(f.word_count, 1)) * sum(f.passed) AS passed
      FROM (SELECT key, word_count, lexeme, 0 AS own, share AS passed FROM passed
            UNION ALL
            SELECT h.key, h.word_count, h.lexeme, h.tf, 0 FROM hits h
             -- IS TRUE keeps the planner from comparing row by row where it knows no numbers.
             WHERE (h.key IN (SELECT key FROM seeds UNION ALL SELECT key FROM passed)) IS TRUE) f
      JOIN weights w USING (lexeme)
     GROUP BY f.key, f.word_count, f.lexeme, w.idf
), names AS MATERIALIZED (
    SELECT name, ('''' || replace(replace(name, '\', '\\'), '''', '''''') || '''')::tsquery AS query FROM unnest($12::text[]) AS name
), any_name AS MATERIALIZED (
    SELECT string_agg('''' || replace(replace(name, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery AS query FROM names
), sampled AS MATERIALIZED (SELECT false AS selective),
way AS MATERIALIZED (
    SELECT true AS measured, CASE WHEN selective THEN 'selective' ELSE 'exact' END AS name
      FROM sampled
),
kept AS MATERIALIZED (
    SELECT '' AS user_id, '' AS namespace, '' AS key, 0::float8 AS distance WHERE false
),
measured AS MATERIALIZED (
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1) AS distance
      FROM "agentstore".item_vector_1 v
     WHERE ((v.user_id = $13 AND (v.namespace = $14::text OR (v.namespace >= $14::text || ':' AND v.namespace < $14::text || ';')))) AND v.embedding IS NOT NULL
       AND (SELECT measured AND NOT selective FROM way CROSS JOIN sampled)
       AND (v.user_id, v.namespace, v.key) NOT IN (SELECT n.user_id, n.namespace, n.key FROM kept n)
    UNION ALL
    -- Where few pass the filter, no vectors but theirs are read.
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1)
      FROM (SELECT i.user_id, i.namespace, i.key, i.version FROM "agentstore".item i
             WHERE (SELECT selective FROM sampled) AND ((i.user_id = $15 AND (i.namespace = $16::text OR (i.namespace >= $16::text || ':' AND i.namespace < $16::text || ';')))) AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $9::text), false) OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT * FROM "agentstore".item_vector_1 v
            WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key
              AND v.version = i.version AND v.embedding IS NOT NULL OFFSET 0) v
), first AS MATERIALIZED (
    -- Mostly so few parts give enough items, and need no sort of all.
    SELECT p.user_id, p.namespace, p.key, min(p.distance) AS distance
      FROM (SELECT * FROM measured ORDER BY distance, user_id, namespace, key LIMIT (250 + 20)) p
     CROSS JOIN LATERAL (
            SELECT FROM "agentstore".item i
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $9::text), false) OFFSET 0) i
     GROUP BY p.user_id, p.namespace, p.key
), short AS MATERIALIZED (
    SELECT (SELECT count(*) FROM first) < 250
       AND (SELECT count(*) FROM measured) > (250 + 20) AS of_items
), all_measured AS MATERIALIZED (
    -- Nearest first, until there are enough: an item is looked at only when its turn has come.
    SELECT p.user_id, p.namespace, p.key, p.distance
      FROM (SELECT user_id, namespace, key, version, min(distance) AS distance
              FROM measured WHERE (SELECT of_items FROM short)
             GROUP BY user_id, namespace, key, version ORDER BY distance, user_id, namespace, key) p
     CROSS JOIN LATERAL (
            SELECT FROM "agentstore".item i
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) END = $9::text), false) OFFSET 0) i
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
              WHERE NOT (SELECT measured FROM way) AND ((v.user_id = $17 AND (v.namespace = $18::text OR (v.namespace >= $18::text || ':' AND v.namespace < $18::text || ';')))) AND v.embedding IS NOT NULL
              LIMIT 500)) m
), vector_span AS MATERIALIZED (
    -- The farthest that was measured, or that the index gave: the same on every page.
    SELECT (SELECT min(distance) FROM vector_list) AS near,
           coalesce((SELECT max(distance) FROM kept), (SELECT max(distance) FROM measured)) AS far,
           -- What the index passed by is measured for deep pages alone, so it is not scaled.
           (SELECT nullif(count(DISTINCT (k.user_id, k.namespace, k.key)), 0) FROM kept k)
               AS indexed
), nearest AS MATERIALIZED (
    SELECT key, rank, 1 - distance AS similarity, (SELECT greatest(coalesce((far - distance) / nullif(far - near, 0), 1), 0)
               FROM vector_span) AS nearness,
           least(greatest(1 - distance / (SELECT distance FROM typical), 0), 1) AS closeness
      FROM vector_list
), candidates AS MATERIALIZED (
    SELECT c.key, coalesce(sum(c.words), 0) AS words,
           -- LEAST ignores NULL, which the sum is for a turn that has no word of the query.
           least(coalesce(sum(c.share), 0), 1) AS share, max(c.rank) AS vector_rank,
           max(c.similarity) AS similarity, coalesce(max(c.nearness), 0) AS nearness,
           coalesce(max(c.closeness), 0) AS closeness
      FROM (SELECT w.key, 1.25::float8 * w.idf * w.tf * 2.2::float8
               / (w.tf + 1.2::float8 * (0.6 + 0.4::float8 * w.word_count / t.mean))
            / q.idf AS words, (w.idf + q.more) / q.relevant
                   * CASE WHEN w.own > 0 THEN 1 ELSE least(w.passed, 1) END AS share,
                   NULL::bigint, NULL::float8, NULL::float8, NULL::float8
              FROM (SELECT *, own + passed AS tf FROM frequencies) w
             CROSS JOIN totals t CROSS JOIN question q UNION ALL SELECT key, NULL::float8, NULL::float8, rank, similarity, nearness, closeness FROM nearest)
           AS c (key, words, share, rank, similarity, nearness, closeness)
     GROUP BY c.key
), scored AS MATERIALIZED (
    SELECT c.*, c.words + c.vectors + c.length AS own
      FROM (SELECT c.key, c.words, 0.8::float8 * c.nearness AS vectors, 0.02::float8 * least(coalesce(i.word_count, 0), 20) AS length,
                   (c.share + c.closeness) / 2 AS relevance, c.similarity, c.vector_rank, CASE WHEN i.words @@ (SELECT query FROM any_name) THEN (
                        SELECT array_agg(n.name) FROM names n WHERE i.words @@ n.query) END AS names,
                   CASE WHEN c.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(c.key, -25)
                        ELSE NULL::text END AS thread
              FROM candidates c
             CROSS JOIN LATERAL (SELECT i.words, i.word_count, i.value FROM "agentstore".item i WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key = c.key OFFSET 0) i) c
), best AS (
    SELECT s.*, CASE WHEN s.words > 0 THEN rank() OVER (ORDER BY s.words DESC) END AS word_rank,
           0.3 * max(s.own) OVER (PARTITION BY s.thread) AS thread_best,
           CASE WHEN cardinality(s.names) = 1
                 AND (SELECT count(DISTINCT name) FROM scored, unnest(names) name) = 1
                THEN 0.3::float8 ELSE 0 END AS speaker
      FROM scored s
), page AS (
    SELECT b.*, b.own + b.thread_best + b.speaker AS score
      FROM best b WHERE true
     ORDER BY b.own + b.thread_best + b.speaker DESC, b.key DESC LIMIT $19
)
SELECT p.key, i.value, i.created_at, p.score, m.own_words, p.words - m.own_words, p.vectors,
       p.length, p.thread_best, p.speaker, p.relevance, p.similarity, p.word_rank, p.vector_rank,
       m.own, m.passed
  FROM page p CROSS JOIN LATERAL (SELECT i.value, i.created_at FROM "agentstore".item i WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key = p.key OFFSET 0) i
 CROSS JOIN LATERAL (SELECT coalesce(sum(1.25::float8 * w.idf * w.own * 2.2::float8
               / (w.own + 1.2::float8 * (0.6 + 0.4::float8 * w.word_count / t.mean))
            / q.idf), 0) AS own_words,
                  array_agg(w.lexeme ORDER BY w.idf DESC, w.lexeme) FILTER (WHERE w.own > 0) AS own,
                  array_agg(w.lexeme ORDER BY w.idf DESC, w.lexeme) FILTER (WHERE w.own = 0) AS passed
             FROM frequencies w CROSS JOIN totals t CROSS JOIN question q WHERE w.key = p.key) m
 ORDER BY p.score DESC, p.key DESC

WITH lexemes AS MATERIALIZED (
    SELECT lexeme, beginning, row_number() OVER ()::integer AS number,
           ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''' || CASE WHEN beginning THEN ':*' ELSE ':' END || 'ABCD')::tsquery AS query,
           ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''' || CASE WHEN beginning THEN ':*' ELSE ':' END || 'AD')::tsquery AS head, ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''' || CASE WHEN beginning THEN ':*' ELSE ':' END || 'BD')::tsquery AS tail
      FROM (SELECT lexeme, false AS beginning
      FROM unnest(tsvector_to_array(to_tsvector('english'::regconfig, $10::text))) AS lexeme) l LIMIT 40
), asked AS MATERIALIZED (
    -- Any of the words: a question is not a conjunction.
    SELECT string_agg(query::text, ' | ')::tsquery AS words,
           array_agg(lexeme ORDER BY number) AS lexemes
      FROM lexemes
), scanned AS MATERIALIZED (
    SELECT (kind >> 40)::integer AS word_count, turns, places,
           ARRAY(SELECT number FROM lexemes WHERE kind >> (number - 1) & 1 = 1 ORDER BY number) AS numbers
      FROM (SELECT kind, count(*) AS turns, array_agg(place) FILTER (WHERE kind & 1099511627775 > 0) AS places
              FROM (SELECT i.ctid AS place, i.word_count::bigint << 40 | CASE WHEN i.words @@ (SELECT words FROM asked) THEN
           CASE WHEN (SELECT count(*) > 8 FROM lexemes) THEN
               (SELECT coalesce(bit_or(1::bigint << (a.number - 1)), 0) FROM lexemes a
                 WHERE a.number > 8 AND i.words @@ a.query)
           ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 1) THEN 1 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 2) THEN 2 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 3) THEN 4 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 4) THEN 8 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 5) THEN 16 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 6) THEN 32 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 7) THEN 64 ELSE 0 END
           | CASE WHEN i.words @@ (SELECT query FROM lexemes WHERE number = 8) THEN 128 ELSE 0 END ELSE 0 END AS kind
                      FROM "agentstore".item i WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $9::text), false) AND i.words IS NOT NULL OFFSET 0) i
             -- One expression, of unknown statistics: of two columns the planner expects as many
             -- groups as turns, and sorts all.
             GROUP BY kind) s
), totals AS MATERIALIZED (
    SELECT coalesce(sum(turns), 0) AS n,
           greatest(sum(turns * word_count) / sum(turns), 1)::float8 AS mean
      FROM scanned
), asked_for AS MATERIALIZED (
    SELECT l.*, ln(1 + (t.n - l.having + 0.5) / (l.having + 0.5))::float8 AS idf
      FROM (SELECT l.*, coalesce((SELECT sum(s.turns) FROM scanned s
                                   WHERE l.number = ANY (s.numbers)), 0) AS having
              FROM lexemes l OFFSET 0) l
     CROSS JOIN totals t
), likeliest AS MATERIALIZED (
    SELECT place, numbers, score
      FROM (SELECT *, sum(turns) OVER (ORDER BY score DESC) - turns AS before
              FROM (SELECT s.numbers, s.places, s.turns,
                           (SELECT sum(w.idf) FROM asked_for w WHERE w.number = ANY (s.numbers))
                           * 2.2::float8 / (1 + 1.2::float8
                               * (0.6 + 0.4::float8 * s.word_count / t.mean)) AS score
                      FROM scanned s CROSS JOIN totals t WHERE s.places IS NOT NULL) s) s
     CROSS JOIN unnest(places) AS place
     WHERE before < 1000
     ORDER BY score DESC, place DESC LIMIT 1000
), question AS MATERIALIZED (
    -- Weights are logarithms, so to add unseen turns to the scope is to add one number to each.
    SELECT sum(a.idf) AS idf, max(t.more) AS more, array_agg(a.idf ORDER BY a.number) AS idfs,
           least(sum(a.idf + t.more), max(5 * (ln((t.n + 1) / 0.5) + t.more)))
           AS relevant
      FROM asked_for a
     CROSS JOIN (SELECT n, ln((n + 1.0 + 200) / (n + 1)) AS more FROM totals) t
), seeds AS MATERIALIZED (
    SELECT s.*, ARRAY(SELECT a.number FROM lexemes a WHERE s.words @@ a.head) AS heads,
           ARRAY(SELECT a.number FROM lexemes a WHERE s.words @@ a.tail) AS tails
      FROM (SELECT p.place, i.key, CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -24) ELSE NULL END AS thread, i.word_count,
                   i.words, i.repeats, p.numbers
              FROM likeliest p
             CROSS JOIN totals t
             CROSS JOIN LATERAL (SELECT i.key, i.word_count, i.words, i.word_count > length(ts_filter(i.words, '{a,b,c,d}')) AS repeats FROM "agentstore".item i WHERE i.ctid = p.place OFFSET 0) i
             ORDER BY CASE WHEN i.repeats THEN (
                           SELECT sum(w.idf * u.tf * 2.2::float8
               / (u.tf + 1.2::float8 * (0.6 + 0.4::float8 * i.word_count / t.mean))
           )
                             FROM (
           SELECT array_position((SELECT lexemes FROM asked), u.lexeme) AS number,
                  cardinality(u.positions) AS tf
             FROM unnest(i.words) u WHERE u.lexeme = ANY ((SELECT lexemes FROM asked)::text[])) u
                             JOIN asked_for w USING (number))
                      ELSE p.score END DESC, i.key DESC LIMIT 400) s
), neighbors AS MATERIALIZED (
    SELECT n.place, n.word_count, n.words, n.share, n.numbers
      FROM seeds s CROSS JOIN LATERAL (
           SELECT n.place, n.key, n.word_count, n.words, s.tails AS numbers,
                  ('{0.5, 0.25}'::float8[])[n.nth] AS share
             FROM (SELECT i.*, row_number() OVER (ORDER BY i.key) AS nth
                     FROM (SELECT i.ctid AS place, i.key, i.word_count, i.words
                             FROM "agentstore".item i
                            WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND s.tails <> '{}' AND i.key > s.key AND i.key < s.thread || ':'
                            ORDER BY i.key LIMIT 2) i) n
           UNION ALL
           SELECT n.place, n.key, n.word_count, n.words, s.heads AS numbers,
                  ('{0.35, 0.15}'::float8[])[n.nth] AS share
             FROM (SELECT i.*, row_number() OVER (ORDER BY i.key DESC) AS nth
                     FROM (SELECT i.ctid AS place, i.key, i.word_count, i.words
                             FROM "agentstore".item i
                            WHERE i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND s.heads <> '{}' AND i.key < s.key AND i.key > s.thread || '0'
                            ORDER BY i.key DESC LIMIT 2) i) n) n
     WHERE left(n.key, -24) = s.thread
), own AS MATERIALIZED (
    SELECT place, word_count, words, numbers, repeats FROM seeds
    UNION ALL
    SELECT n.place, n.word_count, n.words, ARRAY(SELECT a.number FROM lexemes a WHERE n.words @@ a.query),
           n.word_count > length(ts_filter(n.words, '{a,b,c,d}'))
      FROM (SELECT DISTINCT ON (place) place, word_count, words FROM neighbors
             WHERE words @@ (SELECT words FROM asked)
               -- IS TRUE keeps the planner from comparing row by row where it knows no numbers.
               AND (place IN (SELECT place FROM seeds)) IS NOT TRUE) n
), frequencies AS MATERIALIZED (
    SELECT f.place, f.number, f.word_count, sum(f.own) AS own,
           least(1, 40::float8 / greatest(f.word_count, 1)) * sum(f.passed) AS passed
      FROM (SELECT n.place, n.word_count, number, 0 AS own, n.share AS passed
              FROM neighbors n CROSS JOIN unnest(n.numbers) AS number
            UNION ALL
            SELECT o.place, o.word_count, number, 1, 0
              FROM own o CROSS JOIN unnest(o.numbers) AS number WHERE NOT o.repeats
            UNION ALL
            SELECT o.place, o.word_count, u.number, u.tf, 0
              FROM own o CROSS JOIN LATERAL (
           SELECT array_position((SELECT lexemes FROM asked), u.lexeme) AS number,
                  cardinality(u.positions) AS tf
             FROM unnest(o.words) u WHERE u.lexeme = ANY ((SELECT lexemes FROM asked)::text[])) u WHERE o.repeats) f
     GROUP BY f.place, f.number, f.word_count
), names AS MATERIALIZED (
    SELECT name, ('''' || replace(replace(name, '\', '\\'), '''', '''''') || '''')::tsquery AS query FROM unnest($11::text[]) AS name
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
     WHERE ((v.user_id = $12 AND (v.namespace = $13::text OR (v.namespace >= $13::text || ':' AND v.namespace < $13::text || ';')))) AND v.embedding IS NOT NULL
       AND (SELECT measured AND NOT selective FROM way CROSS JOIN sampled)
       AND (v.user_id, v.namespace, v.key) NOT IN (SELECT n.user_id, n.namespace, n.key FROM kept n)
    UNION ALL
    -- Where few pass the filter, no vectors but theirs are read.
    SELECT v.user_id, v.namespace, v.key, v.version, coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1)
      FROM (SELECT i.user_id, i.namespace, i.key, i.version FROM "agentstore".item i
             WHERE (SELECT selective FROM sampled) AND ((i.user_id = $14 AND (i.namespace = $15::text OR (i.namespace >= $15::text || ':' AND i.namespace < $15::text || ';')))) AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $9::text), false) OFFSET 0) i
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
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $9::text), false) OFFSET 0) i
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
             WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.user_id = $2::text AND i.namespace = $3::text AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.key > $4::text AND i.key < $5::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $6::text) AND NOT coalesce((i.key > $7::text AND i.key < $8::text AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = $9::text), false) OFFSET 0) i
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
              WHERE NOT (SELECT measured FROM way) AND ((v.user_id = $16 AND (v.namespace = $17::text OR (v.namespace >= $17::text || ':' AND v.namespace < $17::text || ';')))) AND v.embedding IS NOT NULL
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
      FROM (SELECT w.place, 1.25::float8 * w.idf * w.tf * 2.2::float8
               / (w.tf + 1.2::float8 * (0.6 + 0.4::float8 * w.word_count / t.mean))
            / q.idf AS words, (w.idf + q.more) / q.relevant
                   * CASE WHEN w.own > 0 THEN 1 ELSE least(w.passed, 1) END AS share,
                   NULL::bigint, NULL::float8, NULL::float8, NULL::float8
              FROM (SELECT *, own + passed AS tf, (SELECT idfs FROM question)[number] AS idf
                      FROM frequencies) w
             CROSS JOIN totals t CROSS JOIN question q UNION ALL SELECT place, NULL::float8, NULL::float8, rank, similarity, nearness, closeness FROM nearest)
           AS c (place, words, share, rank, similarity, nearness, closeness)
     GROUP BY c.place
), scored AS MATERIALIZED (
    SELECT c.*, c.words + c.vectors + c.length AS own
      FROM (SELECT c.place, i.key, c.words, 0.8::float8 * c.nearness AS vectors,
                   0.03::float8 * least(coalesce(i.word_count, 0), 20) AS length,
                   (c.share + c.closeness) / 2 AS relevance, c.similarity, c.vector_rank, CASE WHEN i.words @@ (SELECT query FROM any_name) THEN (
                        SELECT array_agg(n.name) FROM names n WHERE i.words @@ n.query) END AS names,
                   CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL::text END AS thread
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
      FROM best b WHERE true
     ORDER BY b.own + b.thread_best + b.speaker DESC, b.key DESC LIMIT $18
)
SELECT p.key, i.value, i.created_at, p.score, m.own_words, p.words - m.own_words, p.vectors,
       p.length, p.thread_best, p.speaker, p.relevance, p.similarity, p.word_rank, p.vector_rank,
       m.own, m.passed, CASE WHEN p.speaker > 0 THEN substr(p.names[1], 2) END AS speaker_name
  FROM page p CROSS JOIN LATERAL (SELECT i.value, i.created_at FROM "agentstore".item i WHERE i.ctid = p.place OFFSET 0) i
 CROSS JOIN LATERAL (SELECT coalesce(sum(1.25::float8 * w.idf * w.own * 2.2::float8
               / (w.own + 1.2::float8 * (0.6 + 0.4::float8 * w.word_count / t.mean))
            / q.idf), 0) AS own_words,
                  array_agg(w.lexeme ORDER BY w.idf DESC, w.lexeme) FILTER (WHERE w.own > 0) AS own,
                  array_agg(w.lexeme ORDER BY w.idf DESC, w.lexeme) FILTER (WHERE w.own = 0) AS passed
             FROM (SELECT * FROM frequencies JOIN asked_for USING (number)) w
             CROSS JOIN totals t CROSS JOIN question q WHERE w.place = p.place) m
 ORDER BY p.score DESC, p.key DESC

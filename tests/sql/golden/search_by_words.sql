WITH query_words AS MATERIALIZED (
    SELECT position::integer, tsvector_to_array(to_tsvector('english'::regconfig, word)) AS lexemes
      FROM unnest($6::text[]) WITH ORDINALITY AS q (word, position)
),
lexemes AS MATERIALIZED (
    SELECT lexeme, false AS beginning
      FROM unnest(tsvector_to_array(to_tsvector('english'::regconfig, $7::text))) AS lexeme
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
                  coalesce(i.words @@ ALL ((SELECT coalesce(array_agg(phrase), '{}')
                  FROM unnest($8::text[]) AS given
                 CROSS JOIN phraseto_tsquery('english'::regconfig, given) AS phrases (phrase)
                 WHERE numnode(phrase) > 0)::tsquery[]), false) AND NOT coalesce(i.words @@ ANY ((SELECT coalesce(array_agg(phrase), '{}')
                  FROM unnest($9::text[]) AS given
                 CROSS JOIN phraseto_tsquery('english'::regconfig, given) AS phrases (phrase)
                 WHERE numnode(phrase) > 0)::tsquery[]), false) AS kept
             FROM "agentstore".item i
            WHERE ((i.user_id = $4 AND (i.namespace = $5::text OR (i.namespace >= $5::text || ':' AND i.namespace < $5::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $3::jsonb) AND i.words @@ asked.words OFFSET 0) i
     CROSS JOIN LATERAL (
           SELECT u.lexeme, cardinality(u.positions) AS tf
             FROM unnest(i.words) u WHERE u.lexeme = ANY (asked.lexemes)) t
), totals AS MATERIALIZED (
    SELECT count(*) AS n, greatest(avg(i.word_count), 1)::float8 AS mean
      FROM "agentstore".item i
     WHERE ((i.user_id = $4 AND (i.namespace = $5::text OR (i.namespace >= $5::text || ':' AND i.namespace < $5::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $3::jsonb) AND i.words IS NOT NULL
), weights AS MATERIALIZED (
    SELECT h.lexeme, ln(1 + (totals.n - count(*) + 0.5) / (count(*) + 0.5))::float8 AS idf
      FROM hits h CROSS JOIN totals GROUP BY h.lexeme, totals.n
), word_list AS MATERIALIZED (
    SELECT h.user_id, h.namespace, h.key,
           sum(w.idf * h.tf * 2.2::float8
               / (h.tf + 1.2::float8 * (0.6 + 0.4::float8 * h.word_count / t.mean))
           ) AS score, array_agg(h.lexeme) AS lexemes
      FROM hits h JOIN weights w USING (lexeme) CROSS JOIN totals t
     WHERE h.kept
     GROUP BY h.user_id, h.namespace, h.key
     ORDER BY score DESC, h.user_id, h.namespace, h.key
     LIMIT ($1::bigint + $2::bigint)
), ranked AS (
    SELECT user_id, namespace, key, updated_at, words AS score,
           vector_rank, text_rank, distance, words, lexemes, false AS tail
      FROM (SELECT user_id, namespace, key, NULL::timestamptz AS updated_at,
                   min(distance) AS distance, min(vector_rank) AS vector_rank,
                   min(text_rank) AS text_rank, max(words) AS words, max(lexemes) AS lexemes
              FROM (SELECT user_id, namespace, key, NULL::float8 AS distance,
                    NULL::bigint AS vector_rank,
                    row_number() OVER (ORDER BY score DESC, user_id, namespace, key) AS text_rank,
                    score AS words, lexemes
               FROM word_list) listed
             GROUP BY user_id, namespace, key) merged
), page AS (
    SELECT r.* FROM ranked r WHERE true AND true
     ORDER BY r.tail, r.vector_rank, r.text_rank, r.updated_at DESC, r.user_id, r.namespace, r.key LIMIT $1 OFFSET $2
)
SELECT r.user_id, r.namespace, r.key, i.value, i.created_at, i.updated_at, i.expires_at,
       CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, r.score, r.vector_rank, r.text_rank,
       NULL::float8 AS similarity, r.words AS text_score,
       (SELECT array_agg(q.position ORDER BY q.position)
          FROM query_words q WHERE q.lexemes && r.lexemes) AS matched, 'exact' AS way
  FROM (SELECT 1) one
  LEFT JOIN (page r JOIN "agentstore".item i
             ON i.user_id = r.user_id AND i.namespace = r.namespace AND i.key = r.key) ON true
 ORDER BY r.tail, r.vector_rank, r.text_rank, r.updated_at DESC, r.user_id, r.namespace, r.key

UPDATE "agentstore".item i
   SET words = w.words, word_count = w.word_count, words_by = w.words_by
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
       AS p (user_id, namespace, key, version, text)
 CROSS JOIN LATERAL (SELECT t.words, 545434255::integer AS words_by,
               CASE WHEN t.words IS NOT NULL
                    THEN (SELECT coalesce(sum(cardinality(u.positions)), 0)::integer
                            FROM unnest(t.words) u) END AS word_count
          FROM (SELECT to_tsvector('english'::regconfig, p.text) AS words OFFSET 0) t) w
 WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
   AND i.version = p.version AND i.words_by IS DISTINCT FROM w.words_by

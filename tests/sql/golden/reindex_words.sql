WITH p AS MATERIALIZED (
    SELECT p.*, w.words, w.word_count, w.words_by
      FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
           AS p (user_id, namespace, key, version, text)
     CROSS JOIN LATERAL (SELECT t.words, 681141423::integer AS words_by,
               CASE WHEN t.words IS NOT NULL
                    THEN (SELECT coalesce(sum(cardinality(u.positions)), 0)::integer
                            FROM unnest(t.words) u) END AS word_count
          FROM (SELECT CASE WHEN strpos(p.text, chr(29)) = 0 THEN to_tsvector('english'::regconfig, p.text)
                       ELSE setweight(to_tsvector('english'::regconfig, split_part(p.text, chr(29), 2)), 'A') || to_tsvector('english'::regconfig, split_part(p.text, chr(29), 3))
                            || setweight(to_tsvector('english'::regconfig, split_part(p.text, chr(29), 4)), 'C') || setweight(to_tsvector('english'::regconfig, split_part(p.text, chr(29), 5)), 'B')
                            || array_to_tsvector(
                                   array_remove(string_to_array(
                                       split_part(p.text, chr(29), 1), chr(10)), ''))
                       END AS words
                OFFSET 0) t) w
)
UPDATE "agentstore".item i
   SET words = p.words, word_count = p.word_count, words_by = p.words_by
  FROM p
 WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
   AND i.version = p.version AND i.words_by IS DISTINCT FROM p.words_by

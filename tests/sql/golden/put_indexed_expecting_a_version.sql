WITH p AS MATERIALIZED (
    SELECT p.*, w.words, w.word_count, w.words_by
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::interval[], $7::text[], $8::jsonb[], $9::jsonb[], $10::text[], $11::integer[])
         WITH ORDINALITY AS p (user_id, namespace, key, sort_key, value, ttl, text, indexed_paths, metadata, created_by, parts, position)
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
), written AS (
    UPDATE "agentstore".item AS i
       SET value = p.value, updated_at = now(), expires_at = ((now() AT TIME ZONE 'UTC') + p.ttl) AT TIME ZONE 'UTC', ttl = p.ttl, words = p.words, word_count = p.word_count, words_by = p.words_by, indexed_paths = p.indexed_paths, version = i.version + 1, newest_at = NULL
      FROM p
     WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
       AND i.version = $17 AND i.created_at = coalesce($18::timestamptz, i.created_at)
       AND (i.expires_at IS NULL OR i.expires_at > now())
    RETURNING i.user_id, i.namespace, i.key, i.version
), stale AS (
    -- It has fewer parts now: what is left over must not be found.
    DELETE FROM "agentstore".item_vector_1 v
     USING p JOIN written w USING (user_id, namespace, key)
     WHERE v.user_id = w.user_id AND v.namespace = w.namespace AND v.key = w.key AND v.part >= p.parts
), fresh AS (
    INSERT INTO "agentstore".item_vector_1 AS v
           (user_id, namespace, key, part, path, version, digest, embedding)
    SELECT w.user_id, w.namespace, w.key, n.part, n.path, w.version, n.digest,
           n.embedding::vector(2)
      FROM unnest($12::bigint[], $13::integer[], $14::text[], $15::bigint[],
                  $16::vector[])
           AS n (position, part, path, digest, embedding)
      JOIN p USING (position) JOIN written w USING (user_id, namespace, key)
        ON CONFLICT (user_id, namespace, key, part) DO UPDATE
       SET path = excluded.path, version = excluded.version, digest = excluded.digest,
           embedding = excluded.embedding
)
SELECT w.version, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "agentstore".watch))
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id)
       THEN "agentstore".tell_change(w.user_id, w.namespace, w.key, w.version, false) END AS told
  FROM written w

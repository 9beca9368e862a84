WITH p AS MATERIALIZED (
    SELECT p.*, w.words, w.word_count, w.words_by
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::interval[], $7::text[], $8::jsonb[], $9::jsonb[], $10::text[], $11::integer[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::bigint[], $16::bigint[], $17::timestamptz[], $18::text[])
         WITH ORDINALITY AS p (user_id, namespace, key, sort_key, value, ttl, text, indexed_paths, metadata, created_by, parts, created_at, updated_at, expires_at, version, access_count, last_accessed_at, last_accessed_by, position)
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
    INSERT INTO "agentstore".item AS i (user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl, words, word_count, words_by, indexed_paths, metadata, created_by, version)
    SELECT p.user_id, p.namespace, p.key, p.sort_key, p.value, p.created_at, p.updated_at, p.expires_at, p.ttl, p.words, p.word_count, p.words_by, p.indexed_paths, p.metadata, p.created_by, p.version
      FROM p
        ON CONFLICT (user_id, namespace, key) DO UPDATE SET version = greatest(i.version + 1, excluded.version),
           value = excluded.value,
           created_at = excluded.created_at,
           updated_at = excluded.updated_at,
           expires_at = excluded.expires_at,
           ttl = excluded.ttl,
           words = excluded.words,
           word_count = excluded.word_count,
           words_by = excluded.words_by,
           indexed_paths = excluded.indexed_paths,
           metadata = excluded.metadata,
           created_by = excluded.created_by,
           newest_at = CASE WHEN i.newest_at IS NOT NULL THEN excluded.updated_at END
    
    RETURNING i.user_id, i.namespace, i.key, i.version
), uncounted AS (
    DELETE FROM "agentstore".item_access a
     USING written w JOIN p USING (user_id, namespace, key)
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
       AND p.last_accessed_at IS NULL
), counted AS (
    INSERT INTO "agentstore".item_access AS a
           (user_id, namespace, key, item_created_at, access_count, last_accessed_at, last_accessed_by)
    SELECT p.user_id, p.namespace, p.key, p.created_at, p.access_count, p.last_accessed_at, p.last_accessed_by
      FROM p JOIN written w USING (user_id, namespace, key)
     WHERE p.last_accessed_at IS NOT NULL
        ON CONFLICT (user_id, namespace, key) DO UPDATE SET
           item_created_at = excluded.item_created_at, access_count = excluded.access_count,
           last_accessed_at = excluded.last_accessed_at,
           last_accessed_by = excluded.last_accessed_by
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
      FROM unnest($19::bigint[], $20::integer[], $21::text[], $22::bigint[],
                  $23::vector[])
           AS n (position, part, path, digest, embedding)
      JOIN p USING (position) JOIN written w USING (user_id, namespace, key)
        ON CONFLICT (user_id, namespace, key, part) DO UPDATE
       SET path = excluded.path, version = excluded.version, digest = excluded.digest,
           embedding = excluded.embedding
)
SELECT w.user_id, w.namespace, w.key, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "agentstore".watch))
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id)
       THEN "agentstore".tell_change(w.user_id, w.namespace, w.key, w.version, false) END AS told
  FROM written w

CREATE TEMPORARY TABLE agentstore_load (user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C", sort_key text, value jsonb, ttl interval, text text, indexed_paths jsonb, parts integer) ON COMMIT DROP;

CREATE TEMPORARY TABLE agentstore_load_vector (user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C", part integer, path text, digest bigint, embedding vector) ON COMMIT DROP;

WITH written AS (
INSERT INTO "agentstore".item AS i (user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl, words, word_count, words_by, indexed_paths)
SELECT p.user_id, p.namespace, p.key, p.sort_key, p.value, now(), now(), ((now() AT TIME ZONE 'UTC') + p.ttl) AT TIME ZONE 'UTC', p.ttl, p.words, p.word_count, p.words_by, p.indexed_paths
  FROM (SELECT p.*, w.words, w.word_count, w.words_by
      FROM (SELECT * FROM agentstore_load ORDER BY user_id, namespace, key) p
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
                OFFSET 0) t) w) p
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET 
       version = i.version + 1,
       value = excluded.value,
       created_at = CASE WHEN i.expires_at <= excluded.updated_at THEN excluded.created_at ELSE i.created_at END,
       updated_at = excluded.updated_at,
       expires_at = excluded.expires_at,
       ttl = excluded.ttl,
       words = excluded.words,
       word_count = excluded.word_count,
       words_by = excluded.words_by,
       indexed_paths = excluded.indexed_paths,
       metadata = CASE WHEN i.expires_at <= excluded.updated_at THEN excluded.metadata ELSE i.metadata || excluded.metadata END,
       created_by = CASE WHEN i.expires_at <= excluded.updated_at THEN excluded.created_by ELSE i.created_by END,
       newest_at = CASE WHEN i.newest_at IS NOT NULL THEN excluded.updated_at END
    RETURNING i.user_id, i.namespace, i.key, i.version
)
SELECT "agentstore".tell_change(w.user_id, w.namespace, w.key, w.version, false) FROM written w
 WHERE (SELECT EXISTS (SELECT 1 FROM "agentstore".watch))
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id);

DELETE FROM "agentstore".item_vector_1 v USING agentstore_load p
 WHERE v.user_id = p.user_id AND v.namespace = p.namespace AND v.key = p.key AND v.part >= p.parts;

INSERT INTO "agentstore".item_vector_1 AS v
       (user_id, namespace, key, part, path, version, digest, embedding)
SELECT p.user_id, p.namespace, p.key, p.part, p.path, i.version, p.digest,
       p.embedding::vector(2)
  FROM agentstore_load_vector p JOIN "agentstore".item i USING (user_id, namespace, key)
        ON CONFLICT (user_id, namespace, key, part) DO UPDATE
       SET path = excluded.path, version = excluded.version, digest = excluded.digest,
           embedding = excluded.embedding

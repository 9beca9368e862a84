WITH page AS MATERIALIZED (
    -- The first change after the moment has what was there at it.
    SELECT DISTINCT ON (h.user_id, h.namespace, h.key) h.*
      FROM "s".item_history h
     WHERE (h.user_id, h.namespace, h.key) > ($1, $2, $3) AND ((h.user_id = $6 AND (h.namespace = $7::text OR (h.namespace >= $7::text || ':' AND h.namespace < $7::text || ';')))) AND h.changed_at > $4
     ORDER BY h.user_id, h.namespace, h.key, h.changed_at, h.seq
     LIMIT $5
), plan AS MATERIALIZED (
    SELECT p.*, CASE WHEN p.version IS NULL OR p.expires_at <= now()
                     THEN CASE WHEN i.user_id IS NULL THEN 'same' ELSE 'delete' END
                     WHEN ROW(i.value, i.metadata, i.created_by, i.created_at, i.updated_at, i.ttl, i.expires_at) IS DISTINCT FROM ROW(p.value, p.metadata, p.created_by, p.created_at, p.updated_at, p.ttl, p.expires_at) THEN 'put' ELSE 'same' END AS action
      FROM page p LEFT JOIN "s".item i ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
), removed AS (
    DELETE FROM "s".item i USING plan p
     WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND p.action = 'delete'
    RETURNING i.user_id, i.namespace, i.key, i.version
), uncounted AS (
    DELETE FROM "s".item_access a USING removed w
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
), restored AS (
    INSERT INTO "s".item AS i (user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl, words, word_count, words_by, indexed_paths, metadata, created_by, version)
    SELECT p.user_id, p.namespace, p.key, p.place, p.value, p.created_at, p.updated_at, p.expires_at, p.ttl, p.words, p.word_count, p.words_by, p.indexed_paths, p.metadata, p.created_by, p.version FROM plan p WHERE p.action = 'put'
        ON CONFLICT (user_id, namespace, key) DO UPDATE SET
           version = greatest(i.version, excluded.version) + 1,
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
), written AS (
    SELECT * FROM removed UNION ALL SELECT * FROM restored
), told AS (
SELECT w.user_id, w.namespace, w.key, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "s".watch))
   AND EXISTS (SELECT 1 FROM "s".watch x WHERE x.user_id = w.user_id)
       THEN "s".tell_change(w.user_id, w.namespace, w.key, w.version, false) END AS told
  FROM written w
)
SELECT p.user_id, p.namespace, p.key, p.action, r.version, NULL, NULL
  FROM plan p LEFT JOIN restored r USING (user_id, namespace, key) LEFT JOIN told t USING (user_id, namespace, key)
 ORDER BY p.user_id, p.namespace, p.key

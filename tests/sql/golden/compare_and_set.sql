WITH written AS (
UPDATE "agentstore".item AS i
   SET value = $4, words = NULL, word_count = NULL, words_by = NULL, indexed_paths = NULL,
       version = i.version + 1, updated_at = now(), newest_at = NULL,
       expires_at = ((now() AT TIME ZONE 'UTC') + i.ttl) AT TIME ZONE 'UTC'
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3 AND i.value = $5::jsonb
   AND (i.expires_at IS NULL OR i.expires_at > now())
    RETURNING i.user_id, i.namespace, i.key, i.version
)
SELECT w.version, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "agentstore".watch))
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id)
       THEN "agentstore".tell_change(w.user_id, w.namespace, w.key, w.version, false) END AS told
  FROM written w

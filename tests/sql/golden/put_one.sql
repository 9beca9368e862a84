WITH written AS (
INSERT INTO "agentstore".item AS i (user_id, namespace, key, place, value, created_at, updated_at, expires_at, ttl, metadata, created_by)
VALUES ($1, $2, $3, $4, $5, now(), now(), ((now() AT TIME ZONE 'UTC') + $6::interval) AT TIME ZONE 'UTC', $6, $7, $8)
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
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id)

(WITH RECURSIVE walk AS (
    (SELECT i.user_id, i.place FROM "agentstore".item i WHERE i.user_id = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.* FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM "agentstore".item i
         WHERE i.user_id = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.place) >= (walk.user_id, walk.place || E'\x01') ORDER BY i.user_id, i.place LIMIT 1) following
)
SELECT 0::int, user_id, place FROM walk WHERE ($3::text || CASE WHEN place = '' THEN '' ELSE E'\x01' || place END) ~ $4 LIMIT $1)
UNION ALL

(WITH RECURSIVE walk AS (
    (SELECT i.user_id, i.place FROM "agentstore".item i WHERE i.user_id > '' AND (i.expires_at IS NULL OR i.expires_at > now()) ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.* FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM "agentstore".item i
         WHERE i.user_id > '' AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.place) >= (walk.user_id, walk.place || E'\x01') ORDER BY i.user_id, i.place LIMIT 1) following
)
SELECT 1::int, user_id, place FROM walk WHERE ($5::text || E'\x01' || replace(replace(user_id, E'\x02', E'\x02\x03'), E'\x01', E'\x02\x02') || CASE WHEN place = '' THEN '' ELSE E'\x01' || place END) ~ $6 LIMIT $1)

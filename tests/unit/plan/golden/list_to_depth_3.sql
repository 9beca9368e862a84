(WITH RECURSIVE walk AS (
    (SELECT i.user_id, i.place FROM "agentstore".item i WHERE i.user_id = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.* FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM "agentstore".item i
         WHERE i.user_id = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.place) >= (walk.user_id, CASE WHEN cardinality(string_to_array(walk.place, E'\x01')) < 3 THEN walk.place || E'\x01'
              ELSE array_to_string((string_to_array(walk.place, E'\x01'))[1:3], E'\x01') || E'\x02' END) ORDER BY i.user_id, i.place LIMIT 1) following
)
SELECT 0::int, user_id, place FROM walk  LIMIT $1)
UNION ALL

(WITH RECURSIVE walk AS (
    (SELECT i.user_id, i.place FROM "agentstore".item i WHERE i.user_id > '' AND (i.expires_at IS NULL OR i.expires_at > now()) ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.* FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM "agentstore".item i
         WHERE i.user_id > '' AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.place) >= (walk.user_id, CASE WHEN cardinality(string_to_array(walk.place, E'\x01')) < 1 THEN walk.place || E'\x01'
              ELSE array_to_string((string_to_array(walk.place, E'\x01'))[1:1], E'\x01') || E'\x02' END) ORDER BY i.user_id, i.place LIMIT 1) following
)
SELECT 1::int, user_id, place FROM walk  LIMIT $1)

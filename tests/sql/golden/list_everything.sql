(WITH RECURSIVE walk AS (
    SELECT '' COLLATE "C" AS user_id, '' COLLATE "C" AS place,
           $2::text COLLATE "C" AS next_user, '' COLLATE "C" AS next_place,
           0::bigint AS nth, 0::bigint AS stops, 1 AS stride
    UNION ALL
    SELECT stop.user_id, stop.place, stop.user_id, stop.place || E'\x01',
           row_number() OVER (ORDER BY stop.user_id, stop.place), count(*) OVER (), stop.stride
      FROM walk CROSS JOIN LATERAL (
        SELECT DISTINCT entry.user_id, entry.place AS place, entry.stride
          FROM (SELECT CASE WHEN walk.stops < walk.stride THEN 1
                            ELSE least(walk.stride * 4, 256) END AS stride) step
         CROSS JOIN LATERAL (
            SELECT i.user_id, i.place, step.stride FROM "agentstore".item i
             WHERE i.user_id = $2::text AND i.place >= walk.next_place AND (i.expires_at IS NULL OR i.expires_at > now())
             ORDER BY i.user_id, i.place LIMIT step.stride) entry) stop
     WHERE walk.nth = walk.stops
)
SELECT 0::int, user_id, place FROM walk WHERE nth > 0  LIMIT $1)
UNION ALL

(WITH RECURSIVE walk AS (
    SELECT '' COLLATE "C" AS user_id, '' COLLATE "C" AS place,
           E'\x01' COLLATE "C" AS next_user, '' COLLATE "C" AS next_place,
           0::bigint AS nth, 0::bigint AS stops, 1 AS stride
    UNION ALL
    SELECT stop.user_id, stop.place, stop.user_id, stop.place || E'\x01',
           row_number() OVER (ORDER BY stop.user_id, stop.place), count(*) OVER (), stop.stride
      FROM walk CROSS JOIN LATERAL (
        SELECT DISTINCT entry.user_id, entry.place AS place, entry.stride
          FROM (SELECT CASE WHEN walk.stops < walk.stride THEN 1
                            ELSE least(walk.stride * 4, 256) END AS stride) step
         CROSS JOIN LATERAL (
            SELECT i.user_id, i.place, step.stride FROM "agentstore".item i
             WHERE (i.user_id, i.place) >= (walk.next_user, walk.next_place) AND (i.expires_at IS NULL OR i.expires_at > now())
             ORDER BY i.user_id, i.place LIMIT step.stride) entry) stop
     WHERE walk.nth = walk.stops
)
SELECT 1::int, user_id, place FROM walk WHERE nth > 0  LIMIT $1)

WITH RECURSIVE walk AS (
    (SELECT i.user_id, 1 AS nth FROM "agentstore".item i
      WHERE true AND i.user_id >= $4 AND i.user_id > $5 AND i.user_id < $6 ORDER BY i.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id, walk.nth + 1
      FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id FROM "agentstore".item i
         WHERE i.user_id > walk.user_id AND i.user_id < $6
         ORDER BY i.user_id LIMIT 1) following
     WHERE walk.nth < $1
)
SELECT walk.user_id, counted.items, seen.places
  FROM walk CROSS JOIN LATERAL (
    SELECT count(*) AS items FROM (
        SELECT 1 FROM "agentstore".item i WHERE i.user_id = walk.user_id AND (i.expires_at IS NULL OR i.expires_at > now()) LIMIT $2) one
  ) counted CROSS JOIN LATERAL (
    WITH RECURSIVE place AS (
        (SELECT i.place, 1 AS nth FROM "agentstore".item i
          WHERE i.user_id = walk.user_id ORDER BY i.place LIMIT 1)
        UNION ALL
        SELECT following.place, place.nth + 1
          FROM place CROSS JOIN LATERAL (
            SELECT i.place FROM "agentstore".item i
             WHERE i.user_id = walk.user_id AND i.place > place.place
             ORDER BY i.place LIMIT 1) following
         WHERE place.nth < $3)
    SELECT count(*) AS places FROM place) seen
 ORDER BY walk.user_id

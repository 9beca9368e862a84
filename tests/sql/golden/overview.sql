WITH RECURSIVE walk AS (
    -- From one namespace to the next: one probe of the index each, not one row each.
    (SELECT i.user_id, i.place, 1 AS nth FROM "agentstore".item i 
      ORDER BY i.user_id, i.place LIMIT 1)
    UNION ALL
    SELECT following.user_id, following.place, walk.nth + 1
      FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id, i.place FROM "agentstore".item i
         WHERE (i.user_id, i.place) > (walk.user_id, walk.place) 
         ORDER BY i.user_id, i.place LIMIT 1) following
     WHERE walk.nth <= $1
)
SELECT walk.user_id, walk.place, live.count
  FROM walk CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT 1 FROM "agentstore".item i
         WHERE i.user_id = walk.user_id AND i.place = walk.place AND (i.expires_at IS NULL OR i.expires_at > now())
         LIMIT $2) counted) live
 WHERE live.count > 0
 ORDER BY walk.user_id, walk.place

WITH RECURSIVE walk AS (
    (SELECT i.user_id, 1 AS nth FROM "agentstore".item i
      WHERE i.user_id > '' AND true ORDER BY i.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id, walk.nth + 1
      FROM walk CROSS JOIN LATERAL (
        SELECT i.user_id FROM "agentstore".item i
         WHERE i.user_id > walk.user_id AND true
         ORDER BY i.user_id LIMIT 1) following
     WHERE walk.nth < $1
)
SELECT count(*) FROM walk

SELECT i.created_by, count(DISTINCT i.user_id), count(*), max(i.created_at)
  FROM "agentstore".item i
 WHERE true AND (i.expires_at IS NULL OR i.expires_at > now())
 GROUP BY i.created_by
 ORDER BY count(*) DESC, i.created_by COLLATE "C" NULLS LAST

SELECT i.user_id, count(DISTINCT i.namespace), count(*), min(i.created_at), max(i.updated_at)
  FROM "agentstore".item i
 WHERE (i.expires_at IS NULL OR i.expires_at > now()) AND ($1::text IS NULL OR i.user_id > $1)
 GROUP BY i.user_id
 ORDER BY i.user_id
 LIMIT $2

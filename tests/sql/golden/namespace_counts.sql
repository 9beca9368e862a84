SELECT i.user_id, i.namespace, count(*), min(i.created_at), max(i.updated_at)
  FROM "agentstore".item i
 WHERE true AND i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')) AND (i.expires_at IS NULL OR i.expires_at > now())
 GROUP BY i.user_id, i.namespace, i.place
 ORDER BY i.user_id, i.place
 LIMIT $1

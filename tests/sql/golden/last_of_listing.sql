SELECT i.user_id, i.namespace, i.key
  FROM (
       SELECT * FROM "agentstore".item i
        WHERE ((i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.user_id, i.namespace, i.key) < ($4, $5, $6) AND true
        ORDER BY i.user_id DESC, i.namespace DESC, i.key DESC LIMIT $1 + 1) i
 ORDER BY i.user_id DESC, i.namespace DESC, i.key DESC
OFFSET $1 LIMIT 1

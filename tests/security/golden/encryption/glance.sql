SELECT total.count, first.*
  FROM (SELECT count(*) FROM "agentstore".item i
         WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now())) total
  LEFT JOIN LATERAL (
    SELECT i.key, i.value, $4::integer FROM "agentstore".item i
     WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now())
     ORDER BY i.key LIMIT $3) first ON true

SELECT i.key, i.value
  FROM (SELECT i.key, i.value FROM "agentstore".item i WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key = $3
        UNION ALL
        SELECT i.key, i.value FROM "agentstore".item i WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.key >= $4 AND i.key < $5 AND i.key <> $3
                  AND lower(i.key) LIKE $6) i
 ORDER BY i.key

SELECT i.*
  FROM unnest($3::text[]) AS k (key)
 CROSS JOIN LATERAL (
       SELECT i.key, i.value, i.created_at
         FROM "agentstore".item i
        WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = k.key AND (i.expires_at IS NULL OR i.expires_at > now())
       OFFSET 0) i

SELECT i.key, i.value, i.created_at, i.updated_at
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key > $3 AND (i.expires_at IS NULL OR i.expires_at > now())
   AND (jsonb_typeof(i.value->'timestamp') IS DISTINCT FROM 'string'
        OR (i.value->>'timestamp') COLLATE "C" >= $4
           AND (i.value->>'timestamp') COLLATE "C" < $5)
 ORDER BY i.key
 LIMIT $6

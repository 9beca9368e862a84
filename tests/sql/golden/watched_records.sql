SELECT i.*
  FROM unnest($2::text[], $3::text[]) AS k (namespace, key)
 CROSS JOIN LATERAL (
       SELECT i.namespace, i.key, i.version, i.created_at, i.value, i.updated_at
         FROM "agentstore".item i
        WHERE i.user_id = $1 AND i.namespace = k.namespace AND i.key = k.key
          AND (i.expires_at IS NULL OR i.expires_at > now())
       OFFSET 0) i
 ORDER BY i.updated_at, i.namespace, i.key

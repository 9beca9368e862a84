SELECT i.namespace, i.key, i.version, i.created_at, i.value, i.updated_at
  FROM unnest($2::text[], $3::text[]) AS k (namespace, key) JOIN "agentstore".item i
    ON i.user_id = $1 AND i.namespace = k.namespace AND i.key = k.key
 WHERE (i.expires_at IS NULL OR i.expires_at > now())
 ORDER BY i.updated_at, i.namespace, i.key

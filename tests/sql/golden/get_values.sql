SELECT i.key, i.value, i.created_at
  FROM unnest($3::text[]) AS k (key) JOIN "agentstore".item i
    ON i.user_id = $1 AND i.namespace = $2 AND i.key = k.key
 WHERE (i.expires_at IS NULL OR i.expires_at > now())

SELECT DISTINCT ON (n.key) n.key, n.value, n.created_at, n.updated_at
  FROM unnest($3::text[], $4::text[]) AS t (thread_id, key)
 CROSS JOIN LATERAL (
       (SELECT i.key, i.value, i.created_at, i.updated_at FROM "agentstore".item i
         WHERE i.user_id = $1 AND i.namespace = $2 AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = t.thread_id AND (i.expires_at IS NULL OR i.expires_at > now())
           AND i.key > t.thread_id || '_' COLLATE "C" AND i.key < t.key COLLATE "C"
         ORDER BY i.key DESC LIMIT 1)
       UNION ALL
       (SELECT i.key, i.value, i.created_at, i.updated_at FROM "agentstore".item i
         WHERE i.user_id = $1 AND i.namespace = $2 AND CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END = t.thread_id AND (i.expires_at IS NULL OR i.expires_at > now())
           AND i.key > t.key COLLATE "C"
           AND i.key < t.thread_id || '`' COLLATE "C"
         ORDER BY i.key LIMIT 1)) n
 ORDER BY n.key

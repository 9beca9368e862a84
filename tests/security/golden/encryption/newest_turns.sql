SELECT i.key, i.value, i.created_at, i.updated_at
  FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now())
   AND (coalesce(CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$'
                    THEN substr(right(i.key, 24), 1, 4) || '-' || substr(right(i.key, 24), 5, 2) || '-' || substr(right(i.key, 24), 7, 2) || 'T' || substr(right(i.key, 24), 10, 2) || ':' || substr(right(i.key, 24), 12, 2) || ':' || substr(right(i.key, 24), 14, 2)
                         || '.' || lpad(least(('x000' || substr(right(i.key, 24), 17, 5))::bit(32)::integer, 999999)::text, 6, '0') || '+00:00' END, '') COLLATE "C", i.key) < ($3 COLLATE "C", $4)
 ORDER BY coalesce(CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$'
                    THEN substr(right(i.key, 24), 1, 4) || '-' || substr(right(i.key, 24), 5, 2) || '-' || substr(right(i.key, 24), 7, 2) || 'T' || substr(right(i.key, 24), 10, 2) || ':' || substr(right(i.key, 24), 12, 2) || ':' || substr(right(i.key, 24), 14, 2)
                         || '.' || lpad(least(('x000' || substr(right(i.key, 24), 17, 5))::bit(32)::integer, 999999)::text, 6, '0') || '+00:00' END, '') COLLATE "C" DESC, i.key DESC
 LIMIT $5

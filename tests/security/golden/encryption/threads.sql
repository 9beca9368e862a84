SELECT t.thread_id, min(t.said), max(t.said), count(*)
  FROM (SELECT CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$' THEN left(i.key, -25) ELSE NULL END AS thread_id,
               coalesce(CASE WHEN i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$'
                    THEN substr(right(i.key, 24), 1, 4) || '-' || substr(right(i.key, 24), 5, 2) || '-' || substr(right(i.key, 24), 7, 2) || 'T' || substr(right(i.key, 24), 10, 2) || ':' || substr(right(i.key, 24), 12, 2) || ':' || substr(right(i.key, 24), 14, 2)
                         || '.' || lpad(least(('x000' || substr(right(i.key, 24), 17, 5))::bit(32)::integer, 999999)::text, 6, '0') || '+00:00' END,
                        to_char(i.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')) COLLATE "C"
                 AS said
          FROM "agentstore".item i
         WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now())
           AND true
           AND i.key ~ '_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}$') t
 GROUP BY t.thread_id
 ORDER BY max(t.said) DESC, t.thread_id

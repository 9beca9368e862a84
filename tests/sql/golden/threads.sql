SELECT t.thread_id, min(t.said), max(t.said), count(*)
  FROM (SELECT i.value->>'thread_id' AS thread_id,
               coalesce(i.value->>'timestamp',
                        to_char(i.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')) COLLATE "C"
                 AS said
          FROM "agentstore".item i
         WHERE i.user_id = $1 AND i.namespace = $2 AND (i.expires_at IS NULL OR i.expires_at > now())
           AND jsonb_typeof(i.value->'thread_id') = 'string'
           AND i.value ?| '{query,response,messages}'::text[]) t
 GROUP BY t.thread_id
 ORDER BY max(t.said) DESC, t.thread_id

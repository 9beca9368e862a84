SELECT i.user_id, i.namespace, i.key, i.value, i.created_at, i.updated_at,
               i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed, i.place
  FROM "agentstore".item i
 WHERE (i.user_id = $3 OR i.user_id > '') AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.updated_at BETWEEN coalesce((
       SELECT w.since
         FROM (SELECT now() - interval '10 milliseconds' * 2 ^ n AS since
                 FROM generate_series(0, 32) n OFFSET 0) w
        WHERE (SELECT count(*) FROM "agentstore".item i WHERE (i.user_id = $3 OR i.user_id > '') AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.updated_at BETWEEN w.since AND 'infinity') >= $1::bigint + $2::bigint LIMIT 1), '-infinity') AND 'infinity'
 ORDER BY i.updated_at DESC, i.user_id, i.place, i.key
 LIMIT $1 OFFSET $2

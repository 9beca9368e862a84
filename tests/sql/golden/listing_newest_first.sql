SELECT i.user_id, i.namespace, i.key, i.version, i.updated_at, i.expires_at,
       octet_length(i.value::text), left(i.value::text, $2::integer)
  FROM (
       (SELECT * FROM "agentstore".item i
         WHERE (i.user_id = $3) AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.place = $4::text AND i.newest_at <= $5::timestamptz AND (i.newest_at < $5 OR i.key > $6) AND NOT (i.newest_at <= $7::timestamptz AND (i.newest_at < $7 OR i.key > $8)) AND i.newest_at IS NOT NULL AND ((i.value @> $9::jsonb) AND (jsonb_typeof((i.value -> $10::text)) = 'number' AND (i.value -> $10::text) > $11::jsonb))
         ORDER BY i.newest_at DESC, i.key LIMIT $1)
       UNION ALL
       (SELECT * FROM "agentstore".item i
         WHERE (i.user_id = $3) AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.place = $4::text AND i.updated_at <= $5::timestamptz AND (i.updated_at < $5 OR i.key > $6) AND NOT (i.updated_at <= $7::timestamptz AND (i.updated_at < $7 OR i.key > $8)) AND i.newest_at IS NULL AND ((i.value @> $9::jsonb) AND (jsonb_typeof((i.value -> $10::text)) = 'number' AND (i.value -> $10::text) > $11::jsonb))
         ORDER BY i.updated_at DESC, i.key LIMIT $1)) i
 ORDER BY i.updated_at DESC, i.key
 LIMIT $1

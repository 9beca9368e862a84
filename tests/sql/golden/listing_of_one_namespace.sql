SELECT i.user_id, i.namespace, i.key, i.version, i.updated_at, i.expires_at,
       octet_length(i.value::text), left(i.value::text, $2::integer)
  FROM (
       SELECT * FROM "agentstore".item i
        WHERE (i.user_id = $3) AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.namespace = $4::text AND (i.user_id, i.namespace, i.key) > ($5, $6, $7) AND ((i.value @> $8::jsonb) AND (jsonb_typeof((i.value -> $9::text)) = 'number' AND (i.value -> $9::text) > $10::jsonb))
        ORDER BY i.user_id, i.namespace, i.key LIMIT $1) i
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1

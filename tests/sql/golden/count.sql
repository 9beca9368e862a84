SELECT count(*)
  FROM "agentstore".item i
 WHERE ((i.user_id = $1 AND (i.namespace = $2::text OR (i.namespace >= $2::text || ':' AND i.namespace < $2::text || ';')))) AND (i.expires_at IS NULL OR i.expires_at > now())
   AND ((i.value @> $3::jsonb) AND (jsonb_typeof((i.value -> $4::text)) = 'number' AND (i.value -> $4::text) > $5::jsonb))

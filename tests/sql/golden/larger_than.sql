SELECT s.user_id, s.namespace, s.key, s.json, s.created_by, s.updated_at
  FROM (SELECT i.user_id, i.namespace, i.place, i.key, i.created_by, i.updated_at,
               octet_length(i.value::text) AS json
          FROM "agentstore".item i
         WHERE true AND i.user_id = $3 AND (i.namespace = $4::text OR (i.namespace >= $4::text || ':' AND i.namespace < $4::text || ';')) AND (i.expires_at IS NULL OR i.expires_at > now())) s
 WHERE s.json > $1::bigint
 ORDER BY s.json DESC, s.user_id, s.place, s.key
 LIMIT $2

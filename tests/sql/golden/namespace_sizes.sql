SELECT s.user_id, s.namespace, count(*), sum(s.json)::bigint, sum(s.stored)::bigint, max(s.json)
  FROM (SELECT i.user_id, i.namespace, i.place, octet_length(i.value::text) AS json,
               pg_column_size(i.value) AS stored
          FROM "agentstore".item i
         WHERE true AND i.user_id = $2 AND (i.namespace = $3::text OR (i.namespace >= $3::text || ':' AND i.namespace < $3::text || ';')) AND (i.expires_at IS NULL OR i.expires_at > now())) s
 GROUP BY s.user_id, s.namespace, s.place
 ORDER BY sum(s.json) DESC, s.user_id, s.place
 LIMIT $1

SELECT s.* FROM (SELECT * FROM (
SELECT i.value, i.created_at, i.updated_at, i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END, i.user_id
  FROM "it's".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3 AND (i.expires_at IS NULL OR i.expires_at > now())
) q OFFSET 0) s
 WHERE (SELECT "it's".check_shares($4::text, $5::text, false))

SELECT "it's".known_shares($1::text), EXISTS (SELECT 1 FROM "it's".share),
       s.user_id, s.namespace, s.access
  FROM (SELECT 1) one LEFT JOIN "it's".share s ON s.with_user = $1

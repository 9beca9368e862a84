SELECT one.known, one.any_at_all, s.user_id, s.namespace, s.access
  -- OFFSET 0: the server would read all shares again for each of them.
  FROM (SELECT "it's".known_shares($1::text) AS known,
               EXISTS (SELECT 1 FROM "it's".share) AS any_at_all OFFSET 0) one
  LEFT JOIN "it's".share s ON s.with_user = $1

SELECT s.user_id, s.namespace, s.with_user, s.access, s.granted_at, s.granted_by
  FROM "it's".share s
 WHERE s.user_id = $1
 ORDER BY s.user_id, s.place, s.with_user

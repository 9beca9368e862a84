SELECT s.user_id, s.namespace, s.with_user, s.access, s.granted_at, s.granted_by
  FROM "it's".share s
 WHERE true
 ORDER BY s.user_id, s.place, s.with_user

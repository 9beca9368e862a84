SELECT id, held_user, namespace, reason, held_at FROM "it's".legal_hold ORDER BY held_at, id

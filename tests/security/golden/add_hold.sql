INSERT INTO "it's".legal_hold (held_user, namespace, reason) VALUES ($1, $2, $3)
RETURNING id, held_user, namespace, reason, held_at

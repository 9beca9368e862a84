DELETE FROM "it's".legal_hold WHERE id = $1 RETURNING 1

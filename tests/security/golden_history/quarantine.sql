INSERT INTO "s".quarantined_item
       (user_id, id, namespace, key, place, value, metadata, created_by, ttl, indexed_paths, reason,
        provenance, role, quarantined_at)
VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, session_user, now())

INSERT INTO "agentstore".item_lock AS l
       (user_id, namespace, key, owner, token, acquired_at, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp() + $6::interval)
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET
       -- Whoever does not get it writes what is there, so that the answer tells who has it.
       owner       = CASE WHEN l.expires_at <= excluded.acquired_at OR l.token = excluded.token THEN excluded.owner ELSE l.owner END,
       acquired_at = CASE WHEN l.expires_at <= excluded.acquired_at OR l.token = excluded.token THEN excluded.acquired_at ELSE l.acquired_at END,
       token       = CASE WHEN l.expires_at <= excluded.acquired_at OR l.token = excluded.token THEN excluded.token ELSE l.token END,
       expires_at  = CASE WHEN l.expires_at <= excluded.acquired_at OR l.token = excluded.token THEN excluded.expires_at ELSE l.expires_at END
RETURNING l.owner, l.expires_at, l.token

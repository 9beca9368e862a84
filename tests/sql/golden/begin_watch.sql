WITH over AS (
    DELETE FROM "agentstore".watch WHERE expires_at <= now()
), forgotten AS (
    DELETE FROM "agentstore".change WHERE at < now() - $3::interval
)
INSERT INTO "agentstore".watch (user_id, id, expires_at, watcher)
VALUES ($1, $2, now() + $3::interval, nullif($4::text, $1))
    ON CONFLICT (user_id, id) DO UPDATE SET expires_at = excluded.expires_at

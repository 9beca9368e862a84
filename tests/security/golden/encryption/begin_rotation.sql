WITH unfinished AS (
    SELECT r.started_at FROM "agentstore_keys".rotation r WHERE r.ended_at IS NULL
     ORDER BY r.number LIMIT 1
), begun AS (
    INSERT INTO "agentstore_keys".rotation (started_at)
    SELECT now() WHERE NOT EXISTS (SELECT 1 FROM unfinished)
    RETURNING started_at
)
SELECT started_at FROM unfinished UNION ALL SELECT started_at FROM begun

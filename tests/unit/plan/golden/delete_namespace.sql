WITH gone AS (
    DELETE FROM "agentstore".item i
     WHERE ((i.user_id = $1 AND (i.namespace = $2::text OR (i.namespace >= $2::text || ':' AND i.namespace < $2::text || ';'))))
    RETURNING (i.expires_at IS NULL OR i.expires_at > now()) AS live
)
SELECT count(*) FILTER (WHERE live) FROM gone

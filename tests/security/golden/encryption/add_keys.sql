INSERT INTO "agentstore_keys".user_key (id, user_id, wrapped)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) AS p (id, user_id, wrapped)
 ORDER BY p.user_id
    ON CONFLICT (user_id) WHERE retired_at IS NULL DO NOTHING

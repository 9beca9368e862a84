WITH retired AS (
    UPDATE "agentstore_keys".user_key k SET retired_at = now()
      FROM unnest($2::text[]) AS p (user_id)
     WHERE k.user_id = p.user_id AND k.retired_at IS NULL AND k.created_at < $4
    RETURNING k.user_id
)
INSERT INTO "agentstore_keys".user_key (id, user_id, wrapped)
SELECT p.id, p.user_id, p.wrapped
  FROM unnest($1::text[], $2::text[], $3::bytea[]) AS p (id, user_id, wrapped)
  JOIN retired USING (user_id)

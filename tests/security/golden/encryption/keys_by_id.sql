SELECT k.id, k.user_id, k.wrapped, k.retired_at IS NULL
  FROM "agentstore_keys".user_key k WHERE k.id = ANY($1::text[])

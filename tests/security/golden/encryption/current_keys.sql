SELECT k.id, k.user_id, k.wrapped, true
  FROM "agentstore_keys".user_key k WHERE k.user_id = ANY($1::text[]) AND k.retired_at IS NULL

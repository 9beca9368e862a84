SELECT k.user_id FROM "agentstore_keys".user_key k
 WHERE k.user_id = ANY($1::text[]) AND k.retired_at IS NULL AND k.created_at < $2

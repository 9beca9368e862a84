SELECT k.id FROM "agentstore_keys".user_key k WHERE k.retired_at < now() - $1::interval ORDER BY k.id

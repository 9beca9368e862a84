SELECT k.id, k.user_id, k.wrapped, false FROM "agentstore_keys".user_key k

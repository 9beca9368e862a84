DELETE FROM "agentstore_keys".user_key WHERE user_id = $1 RETURNING id

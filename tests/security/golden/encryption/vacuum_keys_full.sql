VACUUM (FULL, ANALYZE) "agentstore_keys".user_key

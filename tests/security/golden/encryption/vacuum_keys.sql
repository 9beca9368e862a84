VACUUM (ANALYZE) "agentstore_keys".user_key

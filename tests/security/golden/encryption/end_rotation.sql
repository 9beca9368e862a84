UPDATE "agentstore_keys".rotation SET ended_at = now() WHERE ended_at IS NULL

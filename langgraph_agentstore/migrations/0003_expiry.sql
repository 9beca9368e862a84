-- For the sweeper; items that never expire are not in it and cost it nothing.
CREATE INDEX IF NOT EXISTS item_expiry ON {schema}.item (expires_at) WHERE expires_at IS NOT NULL;

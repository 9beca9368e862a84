CREATE INDEX CONCURRENTLY IF NOT EXISTS item_retention_a616ca8f738d ON "it's".item (updated_at) WHERE (namespace = 'a:b''s'::text OR (namespace >= 'a:b''s:'::text AND namespace < 'a:b''s;'::text))

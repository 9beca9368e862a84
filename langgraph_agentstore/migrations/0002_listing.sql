-- Newest first within a namespace, and the namespaces of a user in the order of their tuples.
CREATE INDEX IF NOT EXISTS item_newest ON {schema}.item (user_id, place, updated_at DESC, key);

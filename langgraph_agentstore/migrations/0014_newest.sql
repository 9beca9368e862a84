-- While updated_at was in an index, no update of an item could stay on its page (HOT). Now it is in
-- none: small namespaces are sorted when they are read. The items of large ones have their
-- updated_at here too, and only these are in the index of the newest. Null is always right.
ALTER TABLE {schema}.item ADD COLUMN IF NOT EXISTS newest_at timestamptz;

-- A writer that forgets the column fails, before any search is in the wrong order. Not validated:
-- that would read the whole table, in which the column is null.
DO $agentstore$ BEGIN ALTER TABLE {schema}.item ADD CONSTRAINT item_newest_at CHECK (newest_at IS NULL OR newest_at = updated_at) NOT VALID; EXCEPTION WHEN duplicate_object THEN NULL; END $agentstore$;

-- The namespaces of a user in the order of their tuples, and in each the items that are sorted when
-- they are read. It ends with the key, like the primary key: a smaller index would be taken for
-- reads by key that were planned while the table was tiny, and go through all items of a user.
CREATE INDEX IF NOT EXISTS item_place ON {schema}.item (user_id, place, (newest_at IS NULL), key);

DROP INDEX IF EXISTS {schema}.item_newest;

CREATE INDEX IF NOT EXISTS item_newest ON {schema}.item (user_id, place, newest_at DESC, key) WHERE newest_at IS NOT NULL;

-- The primary key is made anew after them, as in 0004; a table with rows is analysed sooner or later.
DO $agentstore$ BEGIN
    IF NOT EXISTS (SELECT FROM {schema}.item) THEN
        ALTER TABLE {schema}.item DROP CONSTRAINT item_pkey, ADD CONSTRAINT item_pkey PRIMARY KEY (user_id, namespace, key);
    END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
END $agentstore$;

-- Room for the next version of an item on its own page; vacuum before a fifth of the table is dead.
ALTER TABLE {schema}.item SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);

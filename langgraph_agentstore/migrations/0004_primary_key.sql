-- The last index to be made: while a table has never been analysed, look-ups by item_pkey and by
-- item_newest cost the planner the same, and of equals it takes the one made last.
CREATE UNIQUE INDEX IF NOT EXISTS item_pkey ON {schema}.item (user_id, namespace, key);

DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = '{schema}.item'::regclass AND contype = 'p') THEN ALTER TABLE {schema}.item ADD CONSTRAINT item_pkey PRIMARY KEY USING INDEX item_pkey; END IF; END $$;

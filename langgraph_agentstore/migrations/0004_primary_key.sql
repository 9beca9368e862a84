-- The last index to be made: while a table has never been analysed, look-ups by item_pkey and by
-- item_newest cost the planner the same, and of equals it takes the one made last.
CREATE UNIQUE INDEX IF NOT EXISTS item_pkey ON {schema}.item (user_id, namespace, key);

-- Run again, it finds that the index is the primary key's. The name of the schema may hold quotes.
DO $agentstore$ BEGIN ALTER TABLE {schema}.item ADD CONSTRAINT item_pkey PRIMARY KEY USING INDEX item_pkey; EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END $agentstore$;

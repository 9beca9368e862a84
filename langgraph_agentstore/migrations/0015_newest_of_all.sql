-- The newest of all users. A B-tree of the time would write an entry of every index for each update.
-- This index holds only the oldest and the newest time of each 16 pages, and lets updates stay on
-- their page.
CREATE INDEX IF NOT EXISTS item_updated ON {schema}.item USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);

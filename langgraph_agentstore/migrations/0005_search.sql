-- What text search finds an item by; null where whoever wrote it searches no text.
-- words_by tells which settings made the words: reindex() looks for others.
ALTER TABLE {schema}.item ADD COLUMN IF NOT EXISTS words tsvector;

ALTER TABLE {schema}.item ADD COLUMN IF NOT EXISTS word_count integer;

ALTER TABLE {schema}.item ADD COLUMN IF NOT EXISTS words_by integer;

-- What put(index=…) chose in place of the index's fields: a list of paths, empty for none.
ALTER TABLE {schema}.item ADD COLUMN IF NOT EXISTS indexed_paths jsonb;

-- Vectors are in tables of their own, one for each set: item_vector_1, item_vector_2, … They are
-- made when a store with an embedder first opens, since only then is the extension needed.
CREATE TABLE IF NOT EXISTS {schema}.vector_set (
    number     integer PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('active', 'building')),
    dims       integer NOT NULL,
    stored_as  text NOT NULL,
    model      text,
    settings   text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Never two in use.
CREATE UNIQUE INDEX IF NOT EXISTS vector_set_active ON {schema}.vector_set (state);

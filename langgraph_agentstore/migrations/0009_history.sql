-- What history keeps, and since when. Without this row nothing is kept: the triggers that keep it
-- are made when a store with history=… opens, not here.
CREATE TABLE IF NOT EXISTS {schema}.history_rule (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Stored namespaces, each with all below it; null for all.
    covered   text[],
    retention interval,
    began_at  timestamptz NOT NULL
);

-- One row for each write and delete of an item: who made it, and the item as it was before. The
-- columns from place on are those of item; they are null where nothing was there.
CREATE TABLE IF NOT EXISTS {schema}.item_history (
    user_id       text COLLATE "C" NOT NULL,
    namespace     text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    -- By the clock, while the item was locked: in the order of the writes to it.
    changed_at    timestamptz NOT NULL,
    seq           bigint GENERATED ALWAYS AS IDENTITY,
    xact          xid8 NOT NULL,
    operation     text NOT NULL,
    -- What the write made it; null if it deleted.
    new_version   bigint,
    provenance    jsonb NOT NULL,
    role          text NOT NULL,
    -- So that the digest of a row that is gone tells nothing of what was in it.
    salt          uuid NOT NULL,
    place         text COLLATE "C",
    value         jsonb,
    metadata      jsonb,
    version       bigint,
    created_by    text,
    created_at    timestamptz,
    updated_at    timestamptz,
    expires_at    timestamptz,
    ttl           interval,
    words         tsvector,
    word_count    integer,
    words_by      integer,
    indexed_paths jsonb,
    PRIMARY KEY (user_id, namespace, key, changed_at, seq)
);

-- The order in which rows are sealed: below a transaction that is over, nothing comes any more.
CREATE INDEX IF NOT EXISTS item_history_order ON {schema}.item_history (xact, seq);

-- What history keeps, and since when. Without this row nothing is kept: the triggers that keep it
-- are made when a store with history=… opens, not here.
CREATE TABLE IF NOT EXISTS {schema}.history_rule (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Stored namespaces, each with all below it; null for all.
    covered   text[],
    retention interval,
    began_at  timestamptz NOT NULL,
    -- Of the release that made the triggers: another one makes its own.
    made_by   text NOT NULL
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

-- Who read which user's items, of stores that audit reads; numbered with the rows of history.
CREATE TABLE IF NOT EXISTS {schema}.item_read (
    user_id    text COLLATE "C" NOT NULL,
    read_at    timestamptz NOT NULL,
    seq        bigint NOT NULL,
    xact       xid8 NOT NULL,
    operation  text NOT NULL,
    -- Of the item, or of the namespace that was searched; null if the statement names none.
    namespace  text COLLATE "C",
    key        text COLLATE "C",
    reads      bigint NOT NULL,
    provenance jsonb NOT NULL,
    role       text NOT NULL,
    salt       uuid NOT NULL,
    PRIMARY KEY (user_id, read_at, seq)
);

CREATE INDEX IF NOT EXISTS item_read_order ON {schema}.item_read (xact, seq);

-- The chain: each row seals the entries up to a transaction, by their digests and by the hash of
-- the row before.
CREATE TABLE IF NOT EXISTS {schema}.history_seal (
    number    bigint PRIMARY KEY,
    upto      xid8 NOT NULL,
    seqs      bigint[] NOT NULL,
    digests   bytea[] NOT NULL,
    hash      bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);

-- Entries that were removed by rule, and why; nothing of what was in them.
CREATE TABLE IF NOT EXISTS {schema}.history_gone (
    seq     bigint PRIMARY KEY,
    reason  text NOT NULL,
    role    text NOT NULL,
    gone_at timestamptz NOT NULL
);

-- Values that the guard of a store kept aside. Nothing reads them but who releases them.
CREATE TABLE IF NOT EXISTS {schema}.quarantined_item (
    user_id        text COLLATE "C" NOT NULL,
    id             uuid NOT NULL,
    namespace      text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    place          text COLLATE "C" NOT NULL,
    value          jsonb NOT NULL,
    metadata       jsonb NOT NULL,
    created_by     text,
    ttl            interval,
    indexed_paths  jsonb,
    reason         text NOT NULL,
    provenance     jsonb NOT NULL,
    role           text NOT NULL,
    quarantined_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, id)
);

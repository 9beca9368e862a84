-- Its primary key comes in a migration of its own, after the other indexes: see there.
CREATE TABLE IF NOT EXISTS {schema}.item (
    user_id    text COLLATE "C" NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    value      jsonb NOT NULL,
    metadata   jsonb NOT NULL DEFAULT '{}',
    version    bigint NOT NULL DEFAULT 1,
    created_by text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz,
    ttl        interval,
    -- Stored namespaces do not sort as tuples do; their places do: see namespaces.py. Written
    -- by the client: the server would read a generated column's expression at each statement.
    place      text COLLATE "C" NOT NULL
);

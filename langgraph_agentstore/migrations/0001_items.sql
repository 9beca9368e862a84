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
    -- Stored namespaces do not sort as tuples do; their places do. Twin of namespaces.place().
    place      text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        replace(replace(replace(replace(replace(namespace,
            E'\x02', E'\x02\x03'), E'\x01', E'\x02\x02'), ':', E'\x01'), '%3A', ':'), '%25', '%')
    ) STORED,
    PRIMARY KEY (user_id, namespace, key)
);

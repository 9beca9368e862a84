DO $agentstore$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'agentstore_keys') THEN
        CREATE SCHEMA "agentstore_keys";
    END IF;
END $agentstore$;

CREATE TABLE IF NOT EXISTS "agentstore_keys".user_key (
    id         text COLLATE "C" PRIMARY KEY,
    user_id    text COLLATE "C" NOT NULL,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);

CREATE UNIQUE INDEX IF NOT EXISTS user_key_current
    ON "agentstore_keys".user_key (user_id) WHERE retired_at IS NULL;

CREATE INDEX IF NOT EXISTS user_key_retired ON "agentstore_keys".user_key (user_id, retired_at);

CREATE TABLE IF NOT EXISTS "agentstore_keys".rotation (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz
);

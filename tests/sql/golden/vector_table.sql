CREATE TABLE IF NOT EXISTS "agentstore".item_vector_1 (
    user_id    text COLLATE "C" NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    part       integer NOT NULL,
    path       text NOT NULL,
    version    bigint NOT NULL,
    digest     bigint NOT NULL,
    embedding  halfvec(2),
    PRIMARY KEY (user_id, namespace, key, part),
    FOREIGN KEY (user_id, namespace, key)
        REFERENCES "agentstore".item (user_id, namespace, key) ON DELETE CASCADE
-- Whatever fits a page stays in the row: vectors out of line make exact scans several times slower.
) WITH (toast_tuple_target = 8160)

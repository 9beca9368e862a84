-- The first ten namespaces of a user with 100,000 items under 500:
-- by the column, by a function that computes it, and by DISTINCT. Then puts into a table whose
-- column the server generates, against puts that bring it.
--   psql "$AGENTSTORE_DSN" -qX -f docs/decisions/evidence/0001.sql 2>&1 | grep -E '^by|Time|NOTICE'
SET jit = off; SET enable_seqscan = off; SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION pg_temp.place(namespace text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT replace(replace(replace(replace(replace(namespace,
    E'\x02', E'\x02\x03'), E'\x01', E'\x02\x02'), ':', E'\x01'), '%3A', ':'), '%25', '%')
$$;
CREATE TEMP TABLE item (
    user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C",
    updated_at timestamptz NOT NULL DEFAULT now(), place text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, namespace, key));
INSERT INTO item (user_id, namespace, key, place)
SELECT 'user1', namespace, 'k' || n, pg_temp.place(namespace)
  FROM (SELECT n, 'files:' || n % 500 AS namespace FROM generate_series(1, 100000) n) AS rows;
CREATE INDEX by_column ON item (user_id, place, updated_at DESC, key);
CREATE INDEX by_function ON item (user_id, pg_temp.place(namespace), updated_at DESC, key);
VACUUM (ANALYZE) item;

-- \g runs the query once more: the first run only warms the caches.
\echo by column
EXPLAIN (ANALYZE, BUFFERS OFF)
WITH RECURSIVE walk AS (
    (SELECT place FROM item WHERE user_id = 'user1' ORDER BY place LIMIT 1)
    UNION ALL
    SELECT following.place FROM walk CROSS JOIN LATERAL (
        SELECT place FROM item WHERE user_id = 'user1' AND place > walk.place
         ORDER BY place LIMIT 1) following)
SELECT place FROM walk LIMIT 10
\g /dev/null
\g

\echo by function
EXPLAIN (ANALYZE, BUFFERS OFF)
WITH RECURSIVE walk AS (
    (SELECT pg_temp.place(namespace) AS place FROM item WHERE user_id = 'user1'
      ORDER BY pg_temp.place(namespace) LIMIT 1)
    UNION ALL
    SELECT following.place FROM walk CROSS JOIN LATERAL (
        SELECT pg_temp.place(namespace) AS place FROM item
         WHERE user_id = 'user1' AND pg_temp.place(namespace) > walk.place
         ORDER BY pg_temp.place(namespace) LIMIT 1) following)
SELECT place FROM walk LIMIT 10
\g /dev/null
\g

\echo by distinct
EXPLAIN (ANALYZE, BUFFERS OFF)
SELECT DISTINCT string_to_array(namespace, ':') AS labels FROM item
 WHERE user_id = 'user1' ORDER BY labels LIMIT 10
\g /dev/null
\g

CREATE TEMP TABLE generated (
    user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C",
    updated_at timestamptz NOT NULL DEFAULT now(),
    place text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        replace(replace(replace(replace(replace(namespace,
            E'\x02', E'\x02\x03'), E'\x01', E'\x02\x02'), ':', E'\x01'), '%3A', ':'), '%25', '%')
    ) STORED,
    PRIMARY KEY (user_id, namespace, key));
CREATE TEMP TABLE written (LIKE generated INCLUDING INDEXES);
ALTER TABLE written ALTER updated_at SET DEFAULT now();
DO $$
DECLARE
    began timestamptz; by_client interval; by_server interval;
BEGIN
    FOR round IN 1..6 LOOP
        began := clock_timestamp();
        FOR n IN 1..5000 LOOP
            INSERT INTO written (user_id, namespace, key, place)
            VALUES ('user1', 'files:a', 'k' || n % 100, E'files\x01a')
                ON CONFLICT (user_id, namespace, key) DO UPDATE SET updated_at = excluded.updated_at;
        END LOOP;
        by_client := clock_timestamp() - began;
        began := clock_timestamp();
        FOR n IN 1..5000 LOOP
            INSERT INTO generated (user_id, namespace, key)
            VALUES ('user1', 'files:a', 'k' || n % 100)
                ON CONFLICT (user_id, namespace, key) DO UPDATE SET updated_at = excluded.updated_at;
        END LOOP;
        by_server := clock_timestamp() - began;
        RAISE NOTICE 'put, generated / written: %',
            round((extract(epoch FROM by_server) / extract(epoch FROM by_client))::numeric, 1);
    END LOOP;
END $$;

-- A session prepares a statement of 16 gets while the table is empty; then the table grows.
--   psql "$AGENTSTORE_DSN" -qX -f docs/decisions/evidence/0004.sql
--   psql "$AGENTSTORE_DSN" -qX -v settings=on -f docs/decisions/evidence/0004.sql
--   … -v analyzed=on: the statistics were taken while the table held one row
\if :{?settings}
SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
\endif
CREATE TEMP TABLE item (
    user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C",
    value jsonb NOT NULL, PRIMARY KEY (user_id, namespace, key));
\if :{?analyzed}
INSERT INTO item VALUES ('user1', 'memories', 'k1', '{"n": 1}');
ANALYZE item;
\endif
PREPARE gets (text[], text[], text[]) AS
SELECT q.position, i.value
  FROM unnest($1, $2, $3) WITH ORDINALITY AS q (user_id, namespace, key, position)
  JOIN item i ON i.user_id = q.user_id AND i.namespace = q.namespace AND i.key = q.key;
SELECT array_agg('user' || n) AS users, array_agg('memories'::text) AS spaces,
       array_agg('k' || n) AS keys FROM generate_series(1, 16) n \gset
-- From the sixth execution on, one generic plan is kept.
EXECUTE gets (:'users', :'spaces', :'keys') \g /dev/null
\g /dev/null
\g /dev/null
\g /dev/null
\g /dev/null
\g /dev/null

INSERT INTO item
SELECT 'user' || u, 'memories', 'k' || k, '{"n": 1}'
  FROM generate_series(1, 1000) u, generate_series(1, 100) k ON CONFLICT DO NOTHING;
\echo The kept plan:
EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE gets (:'users', :'spaces', :'keys');
ANALYZE item;
\echo After ANALYZE:
EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE gets (:'users', :'spaces', :'keys');

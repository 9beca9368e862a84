-- 256 gets in one statement, without and with the clause that lets Citus prune shards.
--   psql "$AGENTSTORE_DSN" -qX -f docs/decisions/evidence/0003.sql | grep -E 'Index Cond|Execution'
SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET plan_cache_mode = force_generic_plan;
CREATE TEMP TABLE item (
    user_id text COLLATE "C", namespace text COLLATE "C", key text COLLATE "C",
    value jsonb NOT NULL, PRIMARY KEY (user_id, namespace, key));
INSERT INTO item
SELECT 'user' || u, 'memories', 'k' || k, '{"n": 1}'
  FROM generate_series(1, 1000) u, generate_series(1, 100) k;
ANALYZE item;

PREPARE without_clause (text[], text[], text[]) AS
SELECT q.position, i.value
  FROM unnest($1, $2, $3) WITH ORDINALITY AS q (user_id, namespace, key, position)
  JOIN item i ON i.user_id = q.user_id AND i.namespace = q.namespace AND i.key = q.key;
PREPARE with_clause (text[], text[], text[]) AS
SELECT q.position, i.value
  FROM unnest($1, $2, $3) WITH ORDINALITY AS q (user_id, namespace, key, position)
  JOIN item i ON i.user_id = q.user_id AND i.namespace = q.namespace AND i.key = q.key
 WHERE i.user_id = ANY ($1);

SELECT array_agg('user' || n) AS users, array_agg('memories'::text) AS spaces,
       array_agg('k' || n % 100 + 1) AS keys FROM generate_series(1, 256) n \gset
-- Once to warm up, once to look at.
EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE without_clause (:'users', :'spaces', :'keys') \g /dev/null
EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE with_clause (:'users', :'spaces', :'keys') \g /dev/null
EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE without_clause (:'users', :'spaces', :'keys');
EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE with_clause (:'users', :'spaces', :'keys');

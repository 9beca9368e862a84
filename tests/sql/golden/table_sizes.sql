SELECT c.relname, greatest(c.reltuples, coalesce(s.n_live_tup, 0), 0)::bigint,
       pg_catalog.pg_table_size(c.oid), pg_catalog.pg_indexes_size(c.oid),
       greatest(s.last_vacuum, s.last_autovacuum)
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind IN ('r', 'p')
 ORDER BY pg_catalog.pg_total_relation_size(c.oid) DESC, c.relname

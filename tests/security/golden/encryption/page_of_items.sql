SELECT p.user_id, p.namespace, p.key, p.value, p.version, p.created_at, p.indexed_paths
  FROM (SELECT i.*, sum(pg_column_size(i.value)) OVER (ORDER BY i.user_id, i.namespace, i.key)
               - pg_column_size(i.value) AS bytes_before
          FROM (SELECT * FROM "agentstore".item i
                 WHERE (i.user_id, i.namespace, i.key) > ($1, $2, $3)
                 ORDER BY i.user_id, i.namespace, i.key
                 LIMIT $4) i) p
 WHERE p.bytes_before < 8388608
 ORDER BY p.user_id, p.namespace, p.key

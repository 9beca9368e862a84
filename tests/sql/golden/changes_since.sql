SELECT pg_current_snapshot()::text,
       EXISTS (SELECT 1 FROM "agentstore".watch w WHERE w.user_id = $1 AND w.id = $5),
       c.namespace, c.key, c.version, c.value IS NULL, c.value, c.at
  FROM (SELECT 1) one
  LEFT JOIN "agentstore".change c
    ON c.user_id = $1 AND c.xact >= pg_snapshot_xmin($2::text::pg_snapshot)
   AND NOT pg_visible_in_snapshot(c.xact, $2::text::pg_snapshot)
   AND c.namespace = $3 AND starts_with(c.key, $4)
 ORDER BY c.id

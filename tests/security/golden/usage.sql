SELECT q.namespace, coalesce(u.items, 0), coalesce(u.bytes, 0),
       CASE WHEN u.minute >= date_trunc('minute', now()) THEN u.writes ELSE 0 END,
       q.items, q.bytes, q.writes_per_minute
  FROM "it's".quota q
  LEFT JOIN "it's".quota_usage u ON u.user_id = $1 AND u.namespace = q.namespace
 ORDER BY q.namespace

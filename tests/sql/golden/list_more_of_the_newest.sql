UPDATE "agentstore".item i SET newest_at = i.updated_at
  FROM (SELECT o.ctid FROM "agentstore".item o
         WHERE o.user_id = $1 AND o.namespace = $2 AND o.key > $3 AND o.newest_at IS NULL ORDER BY o.key LIMIT 1000
         FOR UPDATE SKIP LOCKED) sorted
 WHERE i.user_id = $1 AND i.ctid = sorted.ctid
RETURNING i.namespace, i.key

UPDATE "agentstore".item i SET newest_at = i.updated_at
  FROM (SELECT o.namespace, o.key FROM "agentstore".item o
         WHERE o.user_id = $1 AND o.place = $2 AND o.newest_at IS NULL LIMIT 1000
         -- Whoever holds one writes it, or lists it.
           FOR UPDATE SKIP LOCKED) sorted
 WHERE i.user_id = $1 AND i.namespace = sorted.namespace AND i.key = sorted.key
RETURNING i.namespace, i.key

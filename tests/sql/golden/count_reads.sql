INSERT INTO "agentstore".item_access AS a
       (user_id, namespace, key, item_created_at, access_count, last_accessed_at, last_accessed_by)
SELECT p.user_id, p.namespace, p.key, i.created_at, sum(p.count), now() - min(p.age),
       (array_agg(p.agent ORDER BY p.age))[1]
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[],
              $6::interval[], $7::text[])
       AS p (user_id, namespace, key, created_at, count, age, agent)
  -- No lock on the item: one that is removed at this moment leaves counts behind that are nobody's.
  JOIN "agentstore".item i
    ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
   -- A touch without a date is of the record that was there then, not of a later one.
   AND coalesce(i.created_at = p.created_at, i.created_at <= now() - p.age)
 GROUP BY p.user_id, p.namespace, p.key, i.created_at
 ORDER BY p.user_id, p.namespace, p.key
    ON CONFLICT (user_id, namespace, key) DO UPDATE SET
       item_created_at  = excluded.item_created_at,
       access_count     = excluded.access_count
                        + CASE WHEN a.item_created_at = excluded.item_created_at
                               THEN a.access_count ELSE 0 END,
       last_accessed_by = CASE WHEN a.item_created_at = excluded.item_created_at
                                AND a.last_accessed_at > excluded.last_accessed_at
                               THEN a.last_accessed_by ELSE excluded.last_accessed_by END,
       last_accessed_at = CASE WHEN a.item_created_at = excluded.item_created_at
                               THEN greatest(a.last_accessed_at, excluded.last_accessed_at)
                               ELSE excluded.last_accessed_at END

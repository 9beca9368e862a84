UPDATE "agentstore".item AS i
   SET expires_at = r.expires_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
       AS r (user_id, namespace, key, seen, expires_at)
 WHERE i.user_id = r.user_id AND i.namespace = r.namespace AND i.key = r.key
   -- Written, refreshed or expired since it was read: leave it. No plain =, which the index
   -- for the sweeper would serve: many items can expire at one moment.
   AND i.expires_at IS NOT DISTINCT FROM r.seen AND (i.expires_at IS NULL OR i.expires_at > now())

UPDATE "agentstore".item i SET value = p.value
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::jsonb[])
       AS p (user_id, namespace, key, version, created_at, value)
 WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND i.created_at = p.created_at

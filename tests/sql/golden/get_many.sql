SELECT q.position, CASE WHEN NOT pg_column_size(i.value) > 262144 THEN i.value END, i.created_at, i.updated_at,
       i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END, pg_column_size(i.value) > 262144
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS q (user_id, namespace, key, position)
  JOIN "agentstore".item i
    ON i.user_id = q.user_id AND i.namespace = q.namespace AND i.key = q.key
 WHERE (i.expires_at IS NULL OR i.expires_at > now())

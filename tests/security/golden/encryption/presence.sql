SELECT CASE WHEN i.user_id IS NULL
            THEN CASE WHEN p.expires_at <= now() THEN 'expired' ELSE 'absent' END
            WHEN i.updated_at > p.updated_at THEN 'newer'
            WHEN i.updated_at = p.updated_at AND i.created_at = p.created_at
             AND i.value ? '$sealed'
             AND (i.expires_at IS NOT DISTINCT FROM p.expires_at OR i.expires_at > p.expires_at)
             AND (NOT p.worded OR i.words_by IS NOT NULL)
            THEN 'same' ELSE 'older' END,
       i.user_id, i.namespace, i.key, i.value
  FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[],
              $6::timestamptz[], $7::timestamptz[], $8::boolean[], $9::integer[])
       WITH ORDINALITY AS p (user_id, namespace, key, value, created_at, updated_at, expires_at,
                             worded, parts, position)
  LEFT JOIN "agentstore".item i
    ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
 ORDER BY p.position

SELECT found.*, scope.large
  -- OFFSET 0: in a batch, the server would look again for each row that is found.
  FROM (SELECT EXISTS (SELECT 1 FROM "agentstore".item_vector_1 v WHERE ((v.user_id = $5 AND (v.namespace = $6::text OR (v.namespace >= $6::text || ':' AND v.namespace < $6::text || ';')))) OFFSET 1000) AS large
        OFFSET 0) scope
  LEFT JOIN LATERAL (
    SELECT p.user_id, p.namespace, p.key, i.value, i.created_at, i.updated_at, i.expires_at,
           i.refreshed, p.distance
      FROM (SELECT v.user_id, v.namespace, v.key, v.version,
                   min(coalesce(nullif(v.embedding <=> $1::vector, 'NaN'), 1)) AS distance
              FROM "agentstore".item_vector_1 v
             WHERE NOT scope.large AND ((v.user_id = $5 AND (v.namespace = $6::text OR (v.namespace >= $6::text || ':' AND v.namespace < $6::text || ';')))) AND v.embedding IS NOT NULL
             GROUP BY v.user_id, v.namespace, v.key, v.version
             ORDER BY distance, v.user_id, v.namespace, v.key) p
     CROSS JOIN LATERAL (
           SELECT i.value, i.created_at, i.updated_at, i.expires_at, CASE WHEN i.expires_at > now() AND i.expires_at < now() + i.ttl * 0.9
            THEN now() + i.ttl END AS refreshed
             FROM "agentstore".item i
            WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key AND i.version = p.version AND (i.expires_at IS NULL OR i.expires_at > now()) AND (i.value @> $4::jsonb) OFFSET 0) i
     LIMIT $2 OFFSET $3) found ON true

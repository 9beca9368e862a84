WITH p AS MATERIALIZED (
    SELECT p.*
      FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[])
           WITH ORDINALITY AS p (user_id, namespace, key, version, parts, position)
      JOIN "agentstore".item i USING (user_id, namespace, key, version)
     WHERE true
), stale AS (
    DELETE FROM "agentstore".item_vector_1 v USING p
     WHERE v.user_id = p.user_id AND v.namespace = p.namespace AND v.key = p.key
       AND v.part >= p.parts
)
INSERT INTO "agentstore".item_vector_1 AS v
       (user_id, namespace, key, part, path, version, digest, embedding)
SELECT p.user_id, p.namespace, p.key, n.part, n.path, p.version, n.digest,
       n.embedding::halfvec(2)
  FROM unnest($6::bigint[], $7::integer[], $8::text[], $9::bigint[],
              $10::vector[])
       AS n (position, part, path, digest, embedding)
  JOIN p USING (position)
        ON CONFLICT (user_id, namespace, key, part) DO UPDATE
       SET path = excluded.path, version = excluded.version, digest = excluded.digest,
           embedding = excluded.embedding

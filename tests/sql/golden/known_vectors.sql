SELECT v.digest, v.embedding::vector
  FROM "agentstore".item_vector_1 v
 WHERE v.user_id = $1 AND v.namespace = $2 AND v.key = $3 AND v.embedding IS NOT NULL

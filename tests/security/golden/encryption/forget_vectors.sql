WITH vectors AS (
    DELETE FROM "agentstore".item_vector_1 v USING unnest($1::text[], $2::text[], $3::text[]) AS p (user_id, namespace, key) WHERE v.user_id = p.user_id AND v.namespace = p.namespace AND v.key = p.key
)
UPDATE "agentstore".item i SET words = NULL, word_count = NULL, words_by = NULL
  FROM unnest($1::text[], $2::text[], $3::text[]) AS p (user_id, namespace, key)
 WHERE i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key

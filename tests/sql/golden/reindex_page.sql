SELECT i.user_id, i.namespace, i.key, i.version, i.value::text, i.indexed_paths
  FROM "agentstore".item i
 WHERE (i.user_id, i.namespace, i.key) > ($1, $2, $3) AND (NOT EXISTS (SELECT 1 FROM "agentstore".item_vector_1 v
                    WHERE v.user_id = i.user_id AND v.namespace = i.namespace AND v.key = i.key AND v.version = i.version) OR (i.words_by IS DISTINCT FROM 681141423 AND i.indexed_paths IS DISTINCT FROM '[]'))
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $4

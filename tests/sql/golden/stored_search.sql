SELECT v.number IS NOT NULL, v.model, v.dims,
       ARRAY(SELECT DISTINCT i.words_by
               FROM (SELECT words_by FROM "agentstore".item LIMIT 1000) i
              WHERE i.words_by IS NOT NULL),
       EXISTS (SELECT 1
                 FROM (SELECT words_by, indexed_paths FROM "agentstore".item LIMIT 1000) i
                WHERE i.words_by IS NULL AND i.indexed_paths IS DISTINCT FROM '[]')
  FROM (SELECT 1) one
  LEFT JOIN "agentstore".vector_set v ON v.state = 'active'

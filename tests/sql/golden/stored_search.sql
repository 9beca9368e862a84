SELECT v.number IS NOT NULL, v.model, v.dims,
       ARRAY(SELECT DISTINCT i.words_by
               FROM (SELECT words_by FROM "agentstore".item LIMIT 1000) i
              WHERE i.words_by IS NOT NULL)
  FROM (SELECT 1) one
  LEFT JOIN "agentstore".vector_set v ON v.state = 'active'

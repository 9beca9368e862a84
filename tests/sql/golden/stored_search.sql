SELECT v.number IS NOT NULL, v.model, v.dims, words.words_by, words.has_unindexed
  FROM (SELECT array_agg(DISTINCT i.words_by) FILTER (WHERE i.words_by IS NOT NULL) AS words_by,
               bool_or(i.words_by IS NULL AND i.indexed_paths IS DISTINCT FROM '[]')
                   AS has_unindexed
          FROM (SELECT words_by, indexed_paths FROM "agentstore".item LIMIT 1000) i) words
  LEFT JOIN "agentstore".vector_set v ON v.state = 'active'

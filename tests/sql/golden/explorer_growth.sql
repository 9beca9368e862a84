SELECT i.created_at FROM "agentstore".item i TABLESAMPLE SYSTEM ($1)
 ORDER BY i.created_at
 LIMIT $2

WITH written AS (
DELETE FROM "agentstore".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key > $3 AND i.key < $4
   -- The range has the turns of other threads too, whose ids begin in the same way.
   AND i.value->>'thread_id' = $5 AND i.value ?| '{query,response,messages}'::text[]
    RETURNING i.user_id, i.namespace, i.key, i.version, i.expires_at
), uncounted AS (
    DELETE FROM "agentstore".item_access a USING written w
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
), told AS (
SELECT (w.expires_at IS NULL OR w.expires_at > now()) AS live, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "agentstore".watch))
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id)
       THEN "agentstore".tell_change(w.user_id, w.namespace, w.key, w.version, true) END AS told
  FROM written w
)
SELECT count(*) FILTER (WHERE live), count(told) FROM told

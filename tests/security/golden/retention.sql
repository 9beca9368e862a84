WITH old AS (
    -- The namespace stands in the text, as in the index, which serves no parameter. Several
    -- processes may do this at once: each takes what no other holds.
    SELECT i.user_id, i.namespace, i.key FROM "it's".item i
     WHERE (i.namespace = 'a:b''s'::text OR (i.namespace >= 'a:b''s:'::text AND i.namespace < 'a:b''s;'::text)) AND i.updated_at < now() - $2::interval
     ORDER BY i.updated_at LIMIT $1 FOR UPDATE SKIP LOCKED
), written AS (
DELETE FROM "it's".item i USING old e
 WHERE i.user_id = e.user_id AND i.namespace = e.namespace AND i.key = e.key
    RETURNING i.user_id, i.namespace, i.key, i.version, i.expires_at
), uncounted AS (
    DELETE FROM "it's".item_access a USING written w
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
), told AS (
SELECT w.key, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "it's".watch))
   AND EXISTS (SELECT 1 FROM "it's".watch x WHERE x.user_id = w.user_id)
       THEN "it's".tell_change(w.user_id, w.namespace, w.key, w.version, true) END AS told
  FROM written w
)
SELECT count(*), count(told) FROM told

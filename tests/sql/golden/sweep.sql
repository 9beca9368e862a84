WITH expired AS (
    -- Several processes may sweep at once: each takes what no other holds.
    SELECT user_id, namespace, key FROM "agentstore".item
     WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), over AS (
    -- Leases whose holders died, of locks that nobody took since.
    DELETE FROM "agentstore".item_lock l USING (
        SELECT user_id, namespace, key FROM "agentstore".item_lock
         WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED) o
     WHERE l.user_id = o.user_id AND l.namespace = o.namespace AND l.key = o.key
), unwatched AS (
    -- Of watches whose processes were killed: nobody ends those.
    DELETE FROM "agentstore".watch w USING (
        SELECT user_id, id FROM "agentstore".watch
         WHERE expires_at <= now() ORDER BY user_id, id LIMIT $1 FOR UPDATE SKIP LOCKED) o
     WHERE w.user_id = o.user_id AND w.id = o.id
), forgotten AS (
    DELETE FROM "agentstore".change WHERE at < now() - $2::interval
), written AS (
DELETE FROM "agentstore".item i USING expired e
 WHERE i.user_id = e.user_id AND i.namespace = e.namespace AND i.key = e.key
    RETURNING i.user_id, i.namespace, i.key, i.version, i.expires_at
), uncounted AS (
    DELETE FROM "agentstore".item_access a USING written w
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
), told AS (
SELECT w.key, CASE WHEN (SELECT EXISTS (SELECT 1 FROM "agentstore".watch))
   AND EXISTS (SELECT 1 FROM "agentstore".watch x WHERE x.user_id = w.user_id)
       THEN "agentstore".tell_change(w.user_id, w.namespace, w.key, w.version, true) END AS told
  FROM written w
)
SELECT count(*), count(told) FROM told

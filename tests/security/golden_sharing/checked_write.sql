WITH shares_checked AS (
    UPDATE "it's".share SET access = access WHERE NOT (SELECT "it's".check_shares($4::text, $5::text, true))
),written AS (
DELETE FROM "it's".item i
 WHERE i.user_id = $1 AND i.namespace = $2 AND i.key = $3
    RETURNING i.user_id, i.namespace, i.key, i.version, i.expires_at
), uncounted AS (
    DELETE FROM "it's".item_access a USING written w
     WHERE a.user_id = w.user_id AND a.namespace = w.namespace AND a.key = w.key
)
SELECT "it's".tell_change(w.user_id, w.namespace, w.key, w.version, true) FROM written w
 WHERE (SELECT EXISTS (SELECT 1 FROM "it's".watch))
   AND EXISTS (SELECT 1 FROM "it's".watch x WHERE x.user_id = w.user_id)

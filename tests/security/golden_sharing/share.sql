WITH waited AS MATERIALIZED (
    SELECT "it's".wait_for_shared_writes($3::text) AS waited
)
INSERT INTO "it's".share AS s
       (user_id, namespace, with_user, place, access, granted_by)
SELECT $1, $2, $3, $4, $5, $6 FROM waited WHERE waited
    ON CONFLICT (with_user, user_id, namespace) DO UPDATE
       SET access = excluded.access, granted_at = clock_timestamp(),
           granted_by = excluded.granted_by

DELETE FROM "it's".quota_usage;

INSERT INTO "it's".quota_usage (user_id, namespace, items, bytes, minute, writes)
SELECT i.user_id, q.namespace, count(*), sum(octet_length(i.value::text)),
       date_trunc('minute', now()), 0
  FROM "it's".item i JOIN "it's".quota q ON (q.namespace = '' OR i.namespace = q.namespace
                  OR starts_with(i.namespace, q.namespace || ':'))
 WHERE i.user_id <> ''
 GROUP BY i.user_id, q.namespace

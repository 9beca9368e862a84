DELETE FROM "it's".quota;

INSERT INTO "it's".quota (namespace, items, bytes, writes_per_minute)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])

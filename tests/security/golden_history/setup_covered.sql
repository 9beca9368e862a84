INSERT INTO "s".history_rule (covered, retention, began_at, made_by)
VALUES (ARRAY['it''s', E'b\\'], interval '2592000.000000 seconds', clock_timestamp(), 'f07c5fe37eef05f4d848fb0cc441aed428232486c4a3950d707da537fcaacd93')
    ON CONFLICT (one) DO UPDATE SET covered = excluded.covered, retention = excluded.retention,
       made_by = excluded.made_by

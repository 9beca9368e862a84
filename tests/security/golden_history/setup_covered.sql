INSERT INTO "s".history_rule (covered, retention, began_at, made_by)
VALUES (ARRAY['it''s', E'b\\'], interval '2592000.000000 seconds', clock_timestamp(), '9fe9b38bf7ec85dcc2dd38405e5383781e3dc437f6fb8b97dbaa0dce9aaafa71')
    ON CONFLICT (one) DO UPDATE SET covered = excluded.covered, retention = excluded.retention,
       made_by = excluded.made_by

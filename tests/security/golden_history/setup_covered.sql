INSERT INTO "s".history_rule (covered, retention, began_at, made_by)
VALUES (ARRAY['it''s', E'b\\'], interval '2592000.000000 seconds', clock_timestamp(), 'fd07168ac0b0f6988a6816d644d549265819be429d4506eaaff8540db42abd32')
    ON CONFLICT (one) DO UPDATE SET covered = excluded.covered, retention = excluded.retention,
       made_by = excluded.made_by

SELECT w.position
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
       AS w (nspname, relname, tgname, position)
  JOIN pg_namespace n ON n.nspname = w.nspname
  JOIN pg_class c ON c.relname = w.relname AND c.relnamespace = n.oid
 WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = w.tgname)

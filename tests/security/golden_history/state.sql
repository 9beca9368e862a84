SELECT (SELECT count(*) = 3 FROM pg_trigger t
         WHERE t.tgrelid = c.oid AND t.tgname IN ('history_of_insert', 'history_of_update', 'history_of_delete') AND t.tgenabled IN ('O', 'A')) AS kept,
       r.covered, r.retention, r.made_by,
       pg_has_role(c.relowner, 'USAGE') AS owned
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN "s".history_rule r ON true
 WHERE n.nspname = $1 AND c.relname = 'item'

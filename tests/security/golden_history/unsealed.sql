SELECT (SELECT count(*) FROM "s".history_seal),
       (SELECT count(*) FROM "s".item_history h WHERE h.xact > n.upto)
       + (SELECT count(*) FROM "s".item_read r WHERE r.xact > n.upto)
  FROM (SELECT (SELECT coalesce(max(s.upto::text::numeric), 0) FROM "s".history_seal s)::text::xid8 AS upto) n

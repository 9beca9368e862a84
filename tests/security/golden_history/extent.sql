SELECT $1 >= greatest(r.began_at, now() - r.retention), greatest(r.began_at, now() - r.retention), clock_timestamp(),
       (SELECT count(*) FROM (
               SELECT DISTINCT h.user_id, h.namespace, h.key FROM "s".item_history h
                WHERE ((h.user_id = $2 AND (h.namespace = $3::text OR (h.namespace >= $3::text || ':' AND h.namespace < $3::text || ';')))) AND h.changed_at > $1) changed)
  FROM "s".history_rule r

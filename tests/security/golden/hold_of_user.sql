SELECT coalesce(
    (SELECT h.id FROM "it's".legal_hold h WHERE h.held_user = $1 LIMIT 1),
    (SELECT "it's".hold_of(i.user_id, i.namespace) FROM "it's".item i
      WHERE i.user_id = $1 AND EXISTS (SELECT 1 FROM "it's".legal_hold)
        AND "it's".hold_of(i.user_id, i.namespace) IS NOT NULL LIMIT 1),
    (SELECT "it's".hold_of(i.user_id, i.namespace) FROM "it's".item_history i
      WHERE i.user_id = $1 AND EXISTS (SELECT 1 FROM "it's".legal_hold)
        AND "it's".hold_of(i.user_id, i.namespace) IS NOT NULL LIMIT 1))

SELECT EXISTS (SELECT 1 FROM "s".history_rule)

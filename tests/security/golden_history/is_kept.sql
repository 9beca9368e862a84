SELECT EXISTS (SELECT FROM "s".history_rule)

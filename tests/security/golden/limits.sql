SELECT namespace, items, bytes, writes_per_minute FROM "it's".quota

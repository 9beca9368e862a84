DELETE FROM "it's"."item_lock" WHERE user_id = $1

DELETE FROM "agentstore_keys".user_key k
 WHERE k.id = ANY($1::text[]) AND k.retired_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM "agentstore".item t
                    WHERE t.user_id = k.user_id
                      AND starts_with(t.value->>'$sealed', k.id || '.'))
   AND NOT EXISTS (SELECT 1 FROM "agentstore".change t
                    WHERE t.user_id = k.user_id
                      AND starts_with(t.value->>'$sealed', k.id || '.'))
   AND NOT EXISTS (SELECT 1 FROM "agentstore".item_history t
                    WHERE t.user_id = k.user_id
                      AND starts_with(t.value->>'$sealed', k.id || '.'))

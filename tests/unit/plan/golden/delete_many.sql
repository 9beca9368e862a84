DELETE FROM "agentstore".item i
 USING unnest($1::text[], $2::text[], $3::text[]) AS d (user_id, namespace, key)
 WHERE i.user_id = d.user_id AND i.namespace = d.namespace AND i.key = d.key

UPDATE "agentstore_keys".user_key k SET wrapped = p.wrapped
  FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS p (id, was, wrapped)
 WHERE k.id = p.id AND k.wrapped = p.was
RETURNING k.id

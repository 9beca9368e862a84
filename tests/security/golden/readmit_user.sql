DELETE FROM "it's".erased_user WHERE digest = encode(sha256(convert_to($1, 'UTF8')), 'hex') RETURNING 1

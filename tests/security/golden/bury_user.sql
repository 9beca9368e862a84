INSERT INTO "it's".erased_user AS e (digest, erased_at) VALUES (encode(sha256(convert_to($1, 'UTF8')), 'hex'), clock_timestamp())
    ON CONFLICT (digest) DO UPDATE SET erased_at = excluded.erased_at
RETURNING e.digest, e.erased_at

SELECT s.number, encode(s.hash, 'hex'), cardinality(s.seqs),
       coalesce(s.hash = sha256(coalesce(p.hash, '') || convert_to(
        s.number || ' ' || s.upto::text || ' ' || s.seqs::text || ' '
        || extract(epoch FROM s.sealed_at)::text, 'UTF8')
        || (SELECT string_agg(g.digest, '' ORDER BY g.n)
              FROM unnest(s.digests) WITH ORDINALITY g (digest, n))), false)
       AND (s.number = 1 OR p.number IS NOT NULL), c.*
  FROM (SELECT * FROM "s".history_seal WHERE number > $1 ORDER BY number LIMIT $2) s
  LEFT JOIN "s".history_seal p ON p.number = s.number - 1
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(d.seq) FILTER (WHERE e.digest <> d.digest), '{}'),
              coalesce(array_agg(e.seq) FILTER (
                  WHERE d.seq IS NULL AND g.reason IS NULL), '{}'),
              coalesce(array_agg(d.seq) FILTER (WHERE e.seq IS NULL), '{}'),
              count(*) FILTER (WHERE d.seq IS NULL AND g.reason = 'retention'),
              count(*) FILTER (WHERE d.seq IS NULL AND g.reason = 'erased')
         FROM unnest(s.seqs, s.digests) e (seq, digest)
         FULL JOIN "s".history_digests(coalesce(p.upto, '0'), s.upto) d
           ON d.seq = e.seq
         LEFT JOIN "s".history_gone g
           ON g.seq = e.seq AND g.reason IN ('retention', 'erased')) c
 ORDER BY s.number

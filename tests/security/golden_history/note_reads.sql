SELECT "s".note_reads($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::jsonb[])

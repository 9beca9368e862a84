CREATE OR REPLACE FUNCTION "s".keep_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_hashjoin = on SET enable_seqscan = on AS $agentstore$
DECLARE
    said jsonb := nullif(current_setting('agentstore.provenance', true), '')::jsonb;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO "s".item_history
               (user_id, namespace, key, changed_at, xact, operation, new_version, provenance,
                role, salt)
        SELECT n.user_id, n.namespace, n.key, clock_timestamp(), pg_current_xact_id(), 'put', n.version, coalesce(CASE WHEN said ? 'of'
                          THEN said->'who'->((said->'of'->>(char_length(n.user_id) || ':' || char_length(n.namespace) || ':' || n.user_id || n.namespace || n.key))::integer)
                          ELSE said->'who'->0 END, '{}'), session_user, gen_random_uuid()
          FROM fresh n
         WHERE (TG_NARGS = 0 OR EXISTS (
                    SELECT 1 FROM unnest(TG_ARGV) c (label)
                     WHERE c.label = '' OR n.namespace = c.label
                        OR starts_with(n.namespace, c.label || ':')));
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO "s".item_history
               (user_id, namespace, key, changed_at, xact, operation, new_version, provenance,
                role, salt, place, value, metadata, version, created_by, created_at, updated_at, expires_at, ttl, words, word_count, words_by, indexed_paths)
        SELECT n.user_id, n.namespace, n.key, clock_timestamp(), pg_current_xact_id(), 'put', n.version, coalesce(CASE WHEN said ? 'of'
                          THEN said->'who'->((said->'of'->>(char_length(n.user_id) || ':' || char_length(n.namespace) || ':' || n.user_id || n.namespace || n.key))::integer)
                          ELSE said->'who'->0 END, '{}'), session_user, gen_random_uuid(),
               o.place, o.value, o.metadata, o.version, o.created_by, o.created_at, o.updated_at, o.expires_at, o.ttl, o.words, o.word_count, o.words_by, o.indexed_paths
          FROM fresh n JOIN former o USING (user_id, namespace, key)
         WHERE (o.version <> n.version OR o.value <> n.value) AND (TG_NARGS = 0 OR EXISTS (
                    SELECT 1 FROM unnest(TG_ARGV) c (label)
                     WHERE c.label = '' OR n.namespace = c.label
                        OR starts_with(n.namespace, c.label || ':')));
    ELSE
        INSERT INTO "s".item_history
               (user_id, namespace, key, changed_at, xact, operation, new_version, provenance,
                role, salt, place, value, metadata, version, created_by, created_at, updated_at, expires_at, ttl, words, word_count, words_by, indexed_paths)
        SELECT n.user_id, n.namespace, n.key, clock_timestamp(), pg_current_xact_id(), CASE WHEN n.expires_at <= now() THEN 'expire' ELSE 'delete' END, NULL,
               coalesce(CASE WHEN said ? 'of'
                          THEN said->'who'->((said->'of'->>(char_length(n.user_id) || ':' || char_length(n.namespace) || ':' || n.user_id || n.namespace || n.key))::integer)
                          ELSE said->'who'->0 END, '{}'), session_user, gen_random_uuid(),
               n.place, n.value, n.metadata, n.version, n.created_by, n.created_at, n.updated_at, n.expires_at, n.ttl, n.words, n.word_count, n.words_by, n.indexed_paths
          FROM former n
         WHERE (TG_NARGS = 0 OR EXISTS (
                    SELECT 1 FROM unnest(TG_ARGV) c (label)
                     WHERE c.label = '' OR n.namespace = c.label
                        OR starts_with(n.namespace, c.label || ':')));
    END IF;
    RETURN NULL;
END $agentstore$;

CREATE OR REPLACE FUNCTION "s".guard_history() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $agentstore$
BEGIN
    -- Functions of the owner write here, and the owner forgets. Nobody else changes what was.
    IF current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'the role %I may not change the history in %I', current_user, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $agentstore$;

CREATE OR REPLACE FUNCTION "s".history_digests(_after xid8, _upto xid8)
    RETURNS TABLE (xact xid8, seq bigint, digest bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $agentstore$
    SELECT h.xact, h.seq, sha256(convert_to(h::text, 'UTF8'))
      FROM "s".item_history h WHERE h.xact > _after AND h.xact <= _upto
     UNION ALL
    SELECT r.xact, r.seq, sha256(convert_to(r::text, 'UTF8'))
      FROM "s".item_read r WHERE r.xact > _after AND r.xact <= _upto
$agentstore$;

CREATE OR REPLACE FUNCTION "s".seal_history(_size bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
DECLARE
    last "s".history_seal;
    next "s".history_seal;
    horizon xid8;
BEGIN
    -- One at a time. What begins from here on has a transaction that is not below the horizon.
    LOCK TABLE "s".history_seal IN SHARE ROW EXCLUSIVE MODE;
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    SELECT * INTO last FROM "s".history_seal ORDER BY number DESC LIMIT 1;
    SELECT x.xact INTO next.upto FROM (
           SELECT o.xact FROM (
                  SELECT h.xact, h.seq FROM "s".item_history h
                   WHERE h.xact > coalesce(last.upto, '0') AND h.xact < horizon
                   UNION ALL
                  SELECT r.xact, r.seq FROM "s".item_read r
                   WHERE r.xact > coalesce(last.upto, '0') AND r.xact < horizon) o
            ORDER BY o.xact, o.seq LIMIT _size) x
     ORDER BY x.xact DESC LIMIT 1;
    IF next.upto IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(d.seq ORDER BY d.xact, d.seq), array_agg(d.digest ORDER BY d.xact, d.seq)
      INTO next.seqs, next.digests
      FROM "s".history_digests(coalesce(last.upto, '0'), next.upto) d;
    next.number := coalesce(last.number, 0) + 1;
    next.sealed_at := clock_timestamp();
    next.hash := sha256(coalesce(last.hash, '') || convert_to(
        next.number || ' ' || next.upto::text || ' ' || next.seqs::text || ' '
        || extract(epoch FROM next.sealed_at)::text, 'UTF8')
        || (SELECT string_agg(g.digest, '' ORDER BY g.n)
              FROM unnest(next.digests) WITH ORDINALITY g (digest, n)));
    INSERT INTO "s".history_seal VALUES (next.*);
    RETURN cardinality(next.seqs);
END $agentstore$;

CREATE OR REPLACE FUNCTION "s".forget_history(_size bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
DECLARE
    kept_since timestamptz := (SELECT now() - retention FROM "s".history_rule);
    holding boolean;
    count bigint;
    total bigint := 0;
BEGIN
    IF kept_since IS NULL THEN
        RETURN 0;
    END IF;
    -- Whoever puts a user on hold waits until this ends, and what is held by then stays.
    PERFORM pg_advisory_xact_lock_shared(hashtext('agentstore.care ' || 's'), shard)
       FROM generate_series(0, 127) shard;
    holding := EXISTS (SELECT 1 FROM "s".legal_hold);
    PERFORM set_config('agentstore.forgetting', 'retention', true);

    DELETE FROM "s".item_history h USING (
           SELECT o.ctid FROM (
                  SELECT h.ctid, h.changed_at FROM "s".item_history h
                   WHERE NOT holding OR NOT ("s".hold_of(h.user_id, h.namespace) IS NOT NULL)
                   ORDER BY h.xact, h.seq LIMIT _size) o
            WHERE o.changed_at < kept_since) o
     WHERE h.ctid = o.ctid;
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;

    DELETE FROM "s".item_read h USING (
           SELECT o.ctid FROM (
                  SELECT h.ctid, h.read_at FROM "s".item_read h
                   WHERE NOT holding OR NOT EXISTS (SELECT 1 FROM "s".legal_hold l
                   WHERE l.held_user IS NULL OR l.held_user = h.user_id)
                   ORDER BY h.xact, h.seq LIMIT _size) o
            WHERE o.read_at < kept_since) o
     WHERE h.ctid = o.ctid;
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    PERFORM set_config('agentstore.forgetting', '', true);
    RETURN total;
END $agentstore$;

CREATE OR REPLACE FUNCTION "s".note_gone() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
BEGIN
    INSERT INTO "s".history_gone (seq, reason, role, gone_at)
    SELECT seq, coalesce(nullif(current_setting('agentstore.forgetting', true), ''), 'removed'),
           session_user, clock_timestamp()
      FROM former
        ON CONFLICT (seq) DO NOTHING;
    RETURN NULL;
END $agentstore$;

CREATE OR REPLACE TRIGGER history_gone AFTER DELETE ON "s".item_history REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION "s".note_gone();

CREATE OR REPLACE TRIGGER history_gone AFTER DELETE ON "s".item_read REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION "s".note_gone();

CREATE OR REPLACE FUNCTION "s".note_reads(_users text[], _operations text[],
        _namespaces text[], _keys text[], _reads bigint[], _said jsonb[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
    INSERT INTO "s".item_read
           (user_id, read_at, seq, xact, operation, namespace, key, reads, provenance, role, salt)
    SELECT r.user_id, clock_timestamp(),
           nextval(pg_get_serial_sequence('"s".item_history', 'seq')), pg_current_xact_id(),
           r.operation, r.namespace, r.key, r.reads, r.said, session_user, gen_random_uuid()
      FROM unnest(_users, _operations, _namespaces, _keys, _reads, _said)
           AS r (user_id, operation, namespace, key, reads, said)
$agentstore$;

CREATE OR REPLACE TRIGGER history_of_insert AFTER INSERT ON "s".item REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION "s".keep_history();

CREATE OR REPLACE TRIGGER history_of_update AFTER UPDATE ON "s".item REFERENCING OLD TABLE AS former NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION "s".keep_history();

CREATE OR REPLACE TRIGGER history_of_delete AFTER DELETE ON "s".item REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION "s".keep_history();

CREATE OR REPLACE TRIGGER history_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "s".item_history
    FOR EACH STATEMENT EXECUTE FUNCTION "s".guard_history();

CREATE OR REPLACE TRIGGER history_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "s".item_read
    FOR EACH STATEMENT EXECUTE FUNCTION "s".guard_history();

CREATE OR REPLACE TRIGGER history_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "s".history_rule
    FOR EACH STATEMENT EXECUTE FUNCTION "s".guard_history();

CREATE OR REPLACE TRIGGER history_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "s".history_seal
    FOR EACH STATEMENT EXECUTE FUNCTION "s".guard_history();

CREATE OR REPLACE TRIGGER history_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "s".history_gone
    FOR EACH STATEMENT EXECUTE FUNCTION "s".guard_history();

INSERT INTO "s".history_rule (covered, retention, began_at, made_by)
VALUES (NULL, NULL, clock_timestamp(), 'f07c5fe37eef05f4d848fb0cc441aed428232486c4a3950d707da537fcaacd93')
    ON CONFLICT (one) DO UPDATE SET covered = excluded.covered, retention = excluded.retention,
       made_by = excluded.made_by
       , began_at = excluded.began_at;

DO $agentstore$
DECLARE
    table_name text;
    reader name;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['"s".item_history', '"s".item_read', '"s".history_rule', '"s".history_seal', '"s".history_gone'] LOOP
        FOR reader IN
            SELECT a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) a
             WHERE c.oid = '"s".item'::regclass AND a.privilege_type = 'SELECT'
               AND a.grantee NOT IN (0, c.relowner)
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %s', table_name, reader);
            EXECUTE format('GRANT SELECT ON %s TO %s', table_name, reader);
        END LOOP;
    END LOOP;
END $agentstore$

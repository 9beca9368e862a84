-- What must not be deleted: of one user or of all, a namespace with all below it; '' for all
-- namespaces. The trigger that refuses deletes is made by the first hold, not here.
CREATE TABLE IF NOT EXISTS {schema}.legal_hold (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    held_user text COLLATE "C",
    namespace text COLLATE "C" NOT NULL,
    reason    text NOT NULL,
    held_at   timestamptz NOT NULL DEFAULT now()
);

-- The hold that an item is under; null if none.
CREATE OR REPLACE FUNCTION {schema}.hold_of(_user text, _namespace text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
    SELECT h.id FROM {schema}.legal_hold h
     WHERE (h.held_user IS NULL OR h.held_user = _user)
       AND (h.namespace = '' OR h.namespace = _namespace
            OR starts_with(_namespace, h.namespace || ':'))
     LIMIT 1
$agentstore$;

-- Called before an item is deleted. An expired item stays without an error, hidden as it was:
-- nobody asked for its removal by name. The lock is that of refuse_erased: whoever puts a user on
-- hold waits for the deletes in flight.
CREATE OR REPLACE FUNCTION {schema}.keep_held() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
DECLARE
    _hold uuid;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        hashtext('agentstore.care ' || TG_TABLE_SCHEMA), hashtext(OLD.user_id) & 127);
    _hold := {schema}.hold_of(OLD.user_id, OLD.namespace);
    IF _hold IS NULL THEN
        RETURN OLD;
    END IF;
    IF OLD.expires_at <= now() THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'an item is under legal hold' USING ERRCODE = 'AGH01',
          DETAIL = jsonb_build_object('hold', _hold);
END $agentstore$;

-- The limits of each user, by namespace with all below it; '' for everything of the user.
CREATE TABLE IF NOT EXISTS {schema}.quota (
    namespace         text COLLATE "C" PRIMARY KEY,
    items             bigint,
    bytes             bigint,
    writes_per_minute bigint
);

-- What each user has of what a quota limits: one row for each quota, which the user's writers
-- lock in turn. The shared space has none.
CREATE TABLE IF NOT EXISTS {schema}.quota_usage (
    user_id   text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    items     bigint NOT NULL,
    bytes     bigint NOT NULL,
    minute    timestamptz NOT NULL,
    writes    bigint NOT NULL,
    PRIMARY KEY (user_id, namespace)
);

-- Adds to a user's usage and refuses what is beyond a limit. Expired items that were not swept yet
-- are counted, but nobody is refused because of them.
CREATE OR REPLACE FUNCTION {schema}.add_usage(_user text, _namespace text, _items bigint, _bytes bigint, _writes bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
DECLARE
    _used {schema}.quota_usage;
    _quota {schema}.quota;
    _kind text;
    _gone_items bigint := 0;
    _gone_bytes bigint := 0;
BEGIN
    INSERT INTO {schema}.quota_usage AS u (user_id, namespace, items, bytes, minute, writes)
    VALUES (_user, _namespace, _items, _bytes, date_trunc('minute', now()), _writes)
        ON CONFLICT (user_id, namespace) DO UPDATE SET
           items = u.items + excluded.items, bytes = u.bytes + excluded.bytes,
           writes = excluded.writes + CASE WHEN u.minute >= excluded.minute THEN u.writes ELSE 0 END,
           minute = greatest(u.minute, excluded.minute)
    RETURNING u.* INTO _used;
    -- A removal, or a touch such as a moved expiry.
    IF _writes = 0 THEN
        RETURN;
    END IF;
    SELECT q.* INTO _quota FROM {schema}.quota q WHERE q.namespace = _namespace;
    IF _items > 0 AND _used.items > _quota.items OR _bytes > 0 AND _used.bytes > _quota.bytes THEN
        SELECT count(*), coalesce(sum(octet_length(i.value::text)), 0)
          INTO _gone_items, _gone_bytes
          FROM {schema}.item i
         WHERE i.user_id = _user AND i.expires_at <= now()
           AND (_namespace = '' OR i.namespace = _namespace
                OR starts_with(i.namespace, _namespace || ':'));
    END IF;
    _kind := CASE WHEN _used.writes > _quota.writes_per_minute THEN 'writes_per_minute'
                  WHEN _items > 0 AND _used.items - _gone_items > _quota.items THEN 'items'
                  WHEN _bytes > 0 AND _used.bytes - _gone_bytes > _quota.bytes THEN 'bytes' END;
    IF _kind IS NOT NULL THEN
        RAISE EXCEPTION 'a write is beyond a quota' USING ERRCODE = 'AGQ01', DETAIL =
            jsonb_build_object('kind', _kind, 'namespace', _namespace, 'limit',
                CASE _kind WHEN 'items' THEN _quota.items WHEN 'bytes' THEN _quota.bytes
                           ELSE _quota.writes_per_minute END,
                'usage',
                CASE _kind WHEN 'items' THEN _used.items - _gone_items - _items
                           WHEN 'bytes' THEN _used.bytes - _gone_bytes - _bytes
                           ELSE _used.writes - _writes END);
    END IF;
END $agentstore$;

-- Called after statements that write or remove items. Sums of the rows before and after, without a
-- join of the two: the settings of sessions leave nested loops alone. Users in order, so that two
-- writers never wait for each other in a ring.
CREATE OR REPLACE FUNCTION {schema}.count_usage() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $agentstore$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM {schema}.add_usage(d.user_id, d.namespace, d.items, d.bytes, d.items)
           FROM (SELECT a.user_id, q.namespace, count(*) AS items,
                        sum(octet_length(a.value::text)) AS bytes
                   FROM added a JOIN {schema}.quota q
                     ON q.namespace = '' OR a.namespace = q.namespace
                     OR starts_with(a.namespace, q.namespace || ':')
                  WHERE a.user_id <> ''
                  GROUP BY a.user_id, q.namespace ORDER BY a.user_id, q.namespace) d;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM {schema}.add_usage(d.user_id, d.namespace, -d.items, -d.bytes, 0)
           FROM (SELECT r.user_id, q.namespace, count(*) AS items,
                        sum(octet_length(r.value::text)) AS bytes
                   FROM removed r JOIN {schema}.quota q
                     ON q.namespace = '' OR r.namespace = q.namespace
                     OR starts_with(r.namespace, q.namespace || ':')
                  WHERE r.user_id <> ''
                  GROUP BY r.user_id, q.namespace ORDER BY r.user_id, q.namespace) d;
    ELSE
        -- The versions tell how many of the rows were written; the others were touched.
        PERFORM {schema}.add_usage(d.user_id, d.namespace, 0, d.bytes, least(d.grown, d.rows))
           FROM (SELECT b.user_id, q.namespace, sum(b.bytes)::bigint AS bytes,
                        sum(b.version)::bigint AS grown, count(*) / 2 AS rows
                   FROM (SELECT a.user_id, a.namespace, octet_length(a.value::text) AS bytes,
                                a.version
                           FROM added a
                          UNION ALL
                         SELECT r.user_id, r.namespace, -octet_length(r.value::text), -r.version
                           FROM removed r) b
                   JOIN {schema}.quota q
                     ON q.namespace = '' OR b.namespace = q.namespace
                     OR starts_with(b.namespace, q.namespace || ':')
                  WHERE b.user_id <> ''
                  GROUP BY b.user_id, q.namespace
                 HAVING sum(b.bytes) <> 0 OR sum(b.version) <> 0
                  ORDER BY b.user_id, q.namespace) d;
    END IF;
    RETURN NULL;
END $agentstore$;

-- How often and when records were read. A table of its own, so that reading touches no item, and
-- without a foreign key, which would lock items: item_created_at tells a record from a later one
-- of the same triple.
CREATE TABLE IF NOT EXISTS {schema}.item_access (
    user_id          text COLLATE "C" NOT NULL,
    namespace        text COLLATE "C" NOT NULL,
    key              text COLLATE "C" NOT NULL,
    item_created_at  timestamptz NOT NULL,
    access_count     bigint NOT NULL,
    last_accessed_at timestamptz NOT NULL,
    last_accessed_by text NOT NULL,
    PRIMARY KEY (user_id, namespace, key)
);

-- Leases: who holds which lock until when. The token tells two holders of one name apart.
CREATE TABLE IF NOT EXISTS {schema}.item_lock (
    user_id     text COLLATE "C" NOT NULL,
    namespace   text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    owner       text NOT NULL,
    token       uuid NOT NULL,
    acquired_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, namespace, key)
);

-- For the sweeper, to which leases without a holder are left.
CREATE INDEX IF NOT EXISTS item_lock_expiry ON {schema}.item_lock (expires_at);

-- Whose changes somebody watches, and until when that is believed.
CREATE TABLE IF NOT EXISTS {schema}.watch (
    user_id    text COLLATE "C" NOT NULL,
    id         uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, id)
);

-- The changes of users who are watched. A change is new to whoever last looked when the
-- transaction could not be seen: with ids alone a late commit of a low one would be missed.
CREATE TABLE IF NOT EXISTS {schema}.change (
    user_id   text COLLATE "C" NOT NULL,
    xact      xid8 NOT NULL,
    id        bigint GENERATED ALWAYS AS IDENTITY,
    namespace text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL,
    version   bigint NOT NULL,
    value     jsonb,
    at        timestamptz NOT NULL,
    PRIMARY KEY (user_id, xact, id)
);

-- Called by the statements that write, for users who are watched. A value too large to copy is
-- read here, within the writing statement, whose rows a volatile function sees.
CREATE OR REPLACE FUNCTION {schema}.tell_change(_user text, _namespace text, _key text, _version bigint, _gone boolean) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $agentstore$ BEGIN IF NOT EXISTS (SELECT FROM {schema}.watch w WHERE w.user_id = _user AND w.expires_at > now()) THEN RETURN false; END IF; INSERT INTO {schema}.change (user_id, xact, namespace, key, version, value, at) VALUES (_user, pg_current_xact_id(), _namespace, _key, _version, CASE WHEN NOT _gone THEN (SELECT i.value FROM {schema}.item i WHERE i.user_id = _user AND i.namespace = _namespace AND i.key = _key) END, now()); PERFORM pg_notify('agentstore_change', _user); RETURN true; END $agentstore$;

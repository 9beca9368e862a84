
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA agentstore;

CREATE FUNCTION agentstore.tell_change(_user text, _namespace text, _key text, _version bigint, _gone boolean) RETURNS boolean
    LANGUAGE plpgsql
    AS $$ BEGIN IF NOT EXISTS (SELECT FROM "agentstore".watch w WHERE w.user_id = _user AND w.expires_at > now()) THEN RETURN false; END IF; INSERT INTO "agentstore".change (user_id, xact, namespace, key, version, value, at) VALUES (_user, pg_current_xact_id(), _namespace, _key, _version, CASE WHEN NOT _gone THEN (SELECT i.value FROM "agentstore".item i WHERE i.user_id = _user AND i.namespace = _namespace AND i.key = _key) END, now()); PERFORM pg_notify('agentstore_change', _user); RETURN true; END $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE agentstore.change (
    user_id text NOT NULL COLLATE pg_catalog."C",
    xact xid8 NOT NULL,
    id bigint NOT NULL,
    namespace text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    value jsonb,
    at timestamp with time zone NOT NULL
);

ALTER TABLE agentstore.change ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME agentstore.change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE agentstore.item (
    user_id text NOT NULL COLLATE pg_catalog."C",
    namespace text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_by text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    ttl interval,
    place text NOT NULL COLLATE pg_catalog."C",
    words tsvector,
    word_count integer,
    words_by integer,
    indexed_paths jsonb
);

CREATE VIEW agentstore.conversation_turn WITH (security_invoker='true') AS
 SELECT user_id,
    (value ->> 'thread_id'::text) AS thread_id,
    key,
        CASE
            WHEN (((value ->> 'timestamp'::text) ~ '^\d{4}-\d\d-\d\dT'::text) AND pg_input_is_valid((value ->> 'timestamp'::text), 'timestamptz'::text)) THEN
            CASE
                WHEN ((value ->> 'timestamp'::text) ~ 'T.*(Z|[+-]\d\d(:?\d\d)?)$'::text) THEN ((value ->> 'timestamp'::text))::timestamp with time zone
                ELSE (((value ->> 'timestamp'::text))::timestamp without time zone AT TIME ZONE 'UTC'::text)
            END
            ELSE created_at
        END AS said_at,
    (value ->> 'query'::text) AS query,
    (value ->> 'response'::text) AS response,
    COALESCE(length((value ->> 'query'::text)), 0) AS query_characters,
    COALESCE(length((value ->> 'response'::text)), 0) AS response_characters,
        CASE jsonb_typeof((value -> 'messages'::text))
            WHEN 'array'::text THEN jsonb_array_length((value -> 'messages'::text))
            ELSE 2
        END AS messages,
    COALESCE((value -> 'metadata'::text), '{}'::jsonb) AS metadata,
    created_at AS saved_at
   FROM agentstore.item i
  WHERE ((namespace = 'conversations'::text) AND (user_id <> ''::text) AND (jsonb_typeof((value -> 'thread_id'::text)) = 'string'::text) AND (value ?| '{query,response,messages}'::text[]) AND ((expires_at IS NULL) OR (expires_at > now())));

CREATE VIEW agentstore.conversation_by_day WITH (security_invoker='true') AS
 SELECT user_id,
    ((said_at AT TIME ZONE 'UTC'::text))::date AS day,
    count(*) AS turns,
    count(DISTINCT thread_id) AS threads,
    sum(query_characters) AS query_characters,
    sum(response_characters) AS response_characters
   FROM agentstore.conversation_turn t
  GROUP BY user_id, (((said_at AT TIME ZONE 'UTC'::text))::date);

CREATE VIEW agentstore.conversation_thread WITH (security_invoker='true') AS
 SELECT user_id,
    thread_id,
    count(*) AS turns,
    min(said_at) AS first_at,
    max(said_at) AS last_at,
    sum(messages) AS messages,
    sum(query_characters) AS query_characters,
    sum(response_characters) AS response_characters
   FROM agentstore.conversation_turn t
  GROUP BY user_id, thread_id;

CREATE TABLE agentstore.item_access (
    user_id text NOT NULL COLLATE pg_catalog."C",
    namespace text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    item_created_at timestamp with time zone NOT NULL,
    access_count bigint NOT NULL,
    last_accessed_at timestamp with time zone NOT NULL,
    last_accessed_by text NOT NULL
);

CREATE VIEW agentstore.item_by_day WITH (security_invoker='true') AS
 SELECT user_id,
    namespace,
    ((created_at AT TIME ZONE 'UTC'::text))::date AS day,
    count(*) AS items,
    sum(pg_column_size(value)) AS value_bytes,
    max(updated_at) AS last_written_at
   FROM agentstore.item i
  WHERE ((expires_at IS NULL) OR (expires_at > now()))
  GROUP BY user_id, namespace, (((created_at AT TIME ZONE 'UTC'::text))::date);

CREATE TABLE agentstore.item_lock (
    user_id text NOT NULL COLLATE pg_catalog."C",
    namespace text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL,
    token uuid NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE agentstore.item_vector_1 (
    user_id text NOT NULL COLLATE pg_catalog."C",
    namespace text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    part integer NOT NULL,
    path text NOT NULL,
    version bigint NOT NULL,
    digest bigint NOT NULL,
    embedding public.vector(4)
)
WITH (toast_tuple_target='8160');

CREATE TABLE agentstore.migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE agentstore.vector_set (
    number integer NOT NULL,
    state text NOT NULL,
    dims integer NOT NULL,
    stored_as text NOT NULL,
    model text,
    settings text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT vector_set_state_check CHECK ((state = ANY (ARRAY['active'::text, 'building'::text])))
);

CREATE TABLE agentstore.watch (
    user_id text NOT NULL COLLATE pg_catalog."C",
    id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

INSERT INTO agentstore.item VALUES ('ada', 'facts', 'cat', '{"text": "My cat is called Turing."}', '{}', 1, NULL, '2026-11-29 22:11:12.141322+00', '2026-11-29 22:11:12.141322+00', NULL, NULL, 'facts', '''call'':4 ''cat'':2 ''ture'':5', 3, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'facts', 'tea', '{"kind": "taste", "text": "I drink green tea."}', '{}', 1, NULL, '2026-11-29 22:11:12.160493+00', '2026-11-29 22:11:12.160493+00', NULL, NULL, 'facts', '''drink'':2 ''green'':3 ''tast'':5 ''tea'':4', 4, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'facts:old', 'n', '{"n": [1, 2.5, null, "é "]}', '{}', 1, NULL, '2026-11-29 22:11:12.165349+00', '2026-11-29 22:11:12.165349+00', NULL, NULL, 'factsold', NULL, NULL, 1209943955, '[]');
INSERT INTO agentstore.item VALUES ('bob', 'facts', 'dog', '{"text": "My dog is called Ada."}', '{}', 1, NULL, '2026-11-29 22:11:12.172954+00', '2026-11-29 22:11:12.172954+00', NULL, NULL, 'facts', '''ada'':5 ''call'':4 ''dog'':2', 3, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('', 'shared:team', 'note', '{"text": "Train leaves at nine."}', '{}', 1, NULL, '2026-11-29 22:11:12.182201+00', '2026-11-29 22:11:12.182201+00', NULL, NULL, 'sharedteam', '''leav'':2 ''nine'':4 ''train'':1', 3, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'short', 'later', '{"text": "gone in a year"}', '{}', 1, NULL, '2026-11-29 22:11:12.19776+00', '2026-11-29 22:11:12.19776+00', '2036-11-26 22:11:12.19776+00', '3650 days', 'short', '''gone'':1 ''year'':4', 2, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'settings', 'theme', '"light"', '{"source": "form"}', 2, 'planner', '2026-11-29 22:11:12.229111+00', '2026-11-29 22:11:12.241124+00', NULL, NULL, 'settings', '''light'':1', 1, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'settings', 'a', '1', '{}', 1, 'planner', '2026-11-29 22:11:12.252268+00', '2026-11-29 22:11:12.252268+00', NULL, NULL, 'settings', '''1'':1', 1, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'settings', 'visits', '3', '{}', 1, 'planner', '2026-11-29 22:11:12.273068+00', '2026-11-29 22:11:12.273068+00', NULL, NULL, 'settings', '''3'':1', 1, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'settings', 'b', '[1, 2, 3]', '{}', 2, 'planner', '2026-11-29 22:11:12.252268+00', '2026-11-29 22:11:12.294554+00', NULL, NULL, 'settings', '''1'':1 ''2'':2 ''3'':3', 3, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'conversations', 'monday_20261129_221112_4b48d2bd', '{"query": "Where does the train go?", "context": ["29 November 2026: Where does the train go?\nTo Paris."], "response": "To Paris.", "thread_id": "monday", "timestamp": "2026-11-29T22:11:12.308365+00:00"}', '{}', 1, NULL, '2026-11-29 22:11:12.314554+00', '2026-11-29 22:11:12.314554+00', NULL, NULL, 'conversations', '''2026'':3 ''29'':1 ''go'':8 ''novemb'':2 ''pari'':10 ''train'':7', 6, 1209943955, '["context[*]"]');
INSERT INTO agentstore.item VALUES ('ada', 'conversations', 'monday_20261129_221112_517172be', '{"query": "And the tea?", "context": ["29 November 2026: And the tea?\nGreen, as always.", "29 November 2026: Where does the train go?\nTo Paris.\n29 November 2026: And the tea?\nGreen, as always."], "previous": "monday_20261129_221112_4b48d2bd", "response": "Green, as always.", "thread_id": "monday", "timestamp": "2026-11-29T22:11:12.333591+00:00"}', '{}', 1, NULL, '2026-11-29 22:11:12.342824+00', '2026-11-29 22:11:12.342824+00', NULL, NULL, 'conversations', '''2026'':3,12,22 ''29'':1,10,20 ''alway'':9,28 ''go'':17 ''green'':7,26 ''novemb'':2,11,21 ''pari'':19 ''tea'':6,25 ''train'':16', 18, 1209943955, '["context[*]"]');
INSERT INTO agentstore.item VALUES ('ada', 'conversations', 'friday_20261129_221112_567062bf', '{"query": "What is my dog called?", "context": ["29 November 2026: What is my dog called?\nYou have none."], "messages": [{"data": {"id": null, "name": null, "type": "human", "content": "What is my dog called?", "additional_kwargs": {}, "response_metadata": {}}, "type": "human"}, {"data": {"id": null, "name": null, "type": "ai", "content": "You have none.", "tool_calls": [], "usage_metadata": null, "additional_kwargs": {}, "response_metadata": {}, "invalid_tool_calls": []}, "type": "ai"}], "response": "You have none.", "thread_id": "friday", "timestamp": "2026-11-29T22:11:12.354054+00:00"}', '{}', 1, NULL, '2026-11-29 22:11:12.358297+00', '2026-11-29 22:11:12.358297+00', NULL, NULL, 'conversations', '''2026'':3 ''29'':1 ''call'':8 ''dog'':7 ''none'':11 ''novemb'':2', 6, 1209943955, '["context[*]"]');
INSERT INTO agentstore.item VALUES ('ada', 'filesystem', '/notes/plan.md', '{"content": ["Buy tea.", "Feed the cat.", ""], "created_at": "2026-11-29T22:11:12.365994+00:00", "modified_at": "2026-11-29T22:11:12.365994+00:00"}', '{}', 1, NULL, '2026-11-29 22:11:12.369348+00', '2026-11-29 22:11:12.369348+00', NULL, NULL, 'filesystem', '''+00'':12,20 ''-11'':7,15 ''-29'':8,16 ''00'':13,21 ''11'':10,18 ''12.365994'':11,19 ''2026'':6,14 ''buy'':1 ''cat'':5 ''feed'':3 ''t22'':9,17 ''tea'':2', 20, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'filesystem', '/bin.dat', '{"content": ["plain"], "created_at": "2026-11-29T22:11:12.377715+00:00", "modified_at": "2026-11-29T22:11:12.377715+00:00"}', '{}', 1, NULL, '2026-11-29 22:11:12.381287+00', '2026-11-29 22:11:12.381287+00', NULL, NULL, 'filesystem', '''+00'':8,16 ''-11'':3,11 ''-29'':4,12 ''00'':9,17 ''11'':6,14 ''12.377715'':7,15 ''2026'':2,10 ''plain'':1 ''t22'':5,13', 17, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'memories', 'talk', '{"value": [{"text": "My cat is called Turing.", "timestamp": "2024-05-01"}], "$plain": true}', '{}', 1, NULL, '2026-11-29 22:11:12.394144+00', '2026-11-29 22:11:12.394144+00', NULL, NULL, 'memories', '''-01'':8 ''-05'':7 ''2024'':6 ''call'':4 ''cat'':2 ''ture'':5', 6, 1209943955, NULL);
INSERT INTO agentstore.item VALUES ('ada', 'sealed', 'pin', '{"$encrypted": "gAAAAABrDKMAIqJnbZ3qcGUOPPvJS7P_l-3RAPwpeoMG-HokI1DtLVLgwz3YAQ1EapTmIf3DC4mGiiBIiu6ERu_cSET16nF64TGidRfM3KIyduv9SlCuC08StiaCY1zf5D4588kIm5Ic"}', '{}', 1, NULL, '2026-11-29 22:11:12.454828+00', '2026-11-29 22:11:12.454828+00', NULL, NULL, 'sealed', '''3rapwpeomg'':4 ''cset16nf64tgidrfm3kiyduv9slcuc08stiacy1zf5d4588kim5ic'':6 ''gaaaaabrdkmaiqjnbz3qcguoppvjs7p'':1 ''hoki1dtlvlgwz3yaq1eaptmif3dc4mgiibiiu6eru'':5 ''l'':3 ''l-3rapwpeomg-hoki1dtlvlgwz3yaq1eaptmif3dc4mgiibiiu6eru'':2', 6, 1209943955, NULL);

INSERT INTO agentstore.item_access VALUES ('ada', 'settings', 'a', '2026-11-29 22:11:12.252268+00', 0, '2026-11-29 22:11:12.271361+00', 'planner');
INSERT INTO agentstore.item_access VALUES ('ada', 'settings', 'b', '2026-11-29 22:11:12.252268+00', 0, '2026-11-29 22:11:12.308598+00', 'planner');
INSERT INTO agentstore.item_access VALUES ('ada', 'settings', 'theme', '2026-11-29 22:11:12.229111+00', 2, '2026-11-29 22:11:12.317289+00', 'planner');
INSERT INTO agentstore.item_access VALUES ('ada', 'settings', 'visits', '2026-11-29 22:11:12.273068+00', 0, '2026-11-29 22:11:12.299241+00', 'planner');

INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'facts', 'cat', 0, '$', 1, 5758247414566501520, '[1,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'facts', 'tea', 0, '$', 1, 8406071494123623661, '[0,0,1,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('bob', 'facts', 'dog', 0, '$', 1, -3453285244510493497, '[0,1,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('', 'shared:team', 'note', 0, '$', 1, 5326523528014992349, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'short', 'later', 0, '$', 1, 4514717720176040339, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'settings', 'theme', 0, '$', 2, 8772438173268705111, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'settings', 'a', 0, '$', 1, -649571662916077706, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'settings', 'visits', 0, '$', 1, -7051202129513837055, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'settings', 'b', 0, '$', 2, -3301214388581657769, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'conversations', 'monday_20261129_221112_4b48d2bd', 0, 'context[*]', 1, -5593183780059964480, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'conversations', 'monday_20261129_221112_517172be', 0, 'context[*]', 1, 2160414808123535796, '[0,0,1,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'conversations', 'monday_20261129_221112_517172be', 1, 'context[*]', 1, 4184132392127758117, '[0,0,1,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'conversations', 'friday_20261129_221112_567062bf', 0, 'context[*]', 1, -6274039226522694008, '[0,1,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'filesystem', '/notes/plan.md', 0, '$', 1, 3757493523492211808, '[1,0,1,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'filesystem', '/bin.dat', 0, '$', 1, 914836250456631239, '[0,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'memories', 'talk', 0, '$', 1, 6401189538508941665, '[1,0,0,0.1]');
INSERT INTO agentstore.item_vector_1 VALUES ('ada', 'sealed', 'pin', 0, '$', 1, 9060606855605101587, '[0,0,0,0.1]');

INSERT INTO agentstore.migration VALUES (1, 'items', '662155455b2f2590fbbe0db8f884566ba13b215a87fbb834c5709a237f98a6e8', '2026-11-29 22:11:11.669855+00');
INSERT INTO agentstore.migration VALUES (2, 'listing', 'c33b91a91de04205a8f1bc37f0a7596431548e79c9a60d1159832208d86a75a8', '2026-11-29 22:11:11.669855+00');
INSERT INTO agentstore.migration VALUES (3, 'expiry', '6233f202c9b7bb44647c131ba57ef7449108576cfcbaa9d954a72abe9abdb1e3', '2026-11-29 22:11:11.669855+00');
INSERT INTO agentstore.migration VALUES (4, 'primary_key', 'ec716de3f528f4195bcb872c3bb92b2e0f6f203dcaaf00cc1e06141997cb4c2b', '2026-11-29 22:11:11.669855+00');
INSERT INTO agentstore.migration VALUES (5, 'search', '58899e46f0ebc7ff6bfffda69e0a0ea2f35f66bc7b57da005f8fa56d181d5e74', '2026-11-29 22:11:11.669855+00');
INSERT INTO agentstore.migration VALUES (6, 'data_store', 'a424cac4782df5ea07c161abfe3c5be6cc780f228493f67e7049b9c4fd9e475c', '2026-11-29 22:11:11.669855+00');
INSERT INTO agentstore.migration VALUES (7, 'conversations', '515a5d1e40fe5dc5d632b4b67d8522f96263574cf0c070fa305a8c13742fb0cd', '2026-11-29 22:11:11.669855+00');

INSERT INTO agentstore.vector_set VALUES (1, 'active', 4, 'vector', 'counts', '{"fields": ["$"], "chunk": null, "model": "counts"}', '2026-11-29 22:11:11.910775+00');

SELECT pg_catalog.setval('agentstore.change_id_seq', 1, false);

ALTER TABLE ONLY agentstore.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (user_id, xact, id);

ALTER TABLE ONLY agentstore.item_access
    ADD CONSTRAINT item_access_pkey PRIMARY KEY (user_id, namespace, key);

ALTER TABLE ONLY agentstore.item_lock
    ADD CONSTRAINT item_lock_pkey PRIMARY KEY (user_id, namespace, key);

ALTER TABLE ONLY agentstore.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (user_id, namespace, key);

ALTER TABLE ONLY agentstore.item_vector_1
    ADD CONSTRAINT item_vector_1_pkey PRIMARY KEY (user_id, namespace, key, part);

ALTER TABLE ONLY agentstore.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY agentstore.vector_set
    ADD CONSTRAINT vector_set_pkey PRIMARY KEY (number);

ALTER TABLE ONLY agentstore.watch
    ADD CONSTRAINT watch_pkey PRIMARY KEY (user_id, id);

CREATE INDEX item_expiry ON agentstore.item USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX item_lock_expiry ON agentstore.item_lock USING btree (expires_at);

CREATE INDEX item_newest ON agentstore.item USING btree (user_id, place, updated_at DESC, key);

CREATE INDEX item_vector_1_hnsw_vector_cosine ON agentstore.item_vector_1 USING hnsw (embedding public.vector_cosine_ops) WITH (m='16', ef_construction='200');

CREATE UNIQUE INDEX vector_set_active ON agentstore.vector_set USING btree (state);

ALTER TABLE ONLY agentstore.item_vector_1
    ADD CONSTRAINT item_vector_1_user_id_namespace_key_fkey FOREIGN KEY (user_id, namespace, key) REFERENCES agentstore.item(user_id, namespace, key) ON DELETE CASCADE;


-- For analysis by SQL. Names and columns stay; further columns may come at the end. Rights are
-- those of whoever reads, not of the views' owner: row level security holds.
--
-- An item is a turn if it is in a user's namespace "conversations" and has what turns have. A
-- timestamp that is none, in an item put by other means, must fail no report: the time of
-- writing stands for it.
CREATE OR REPLACE VIEW {schema}.conversation_turn WITH (security_invoker = true) AS
SELECT i.user_id,
       i.value->>'thread_id' AS thread_id,
       i.key,
       CASE WHEN i.value->>'timestamp' ~ '^\d{4}-\d\d-\d\dT'
             AND pg_input_is_valid(i.value->>'timestamp', 'timestamptz')
            -- Without a time zone it is taken as UTC, not as the session's.
            THEN CASE WHEN i.value->>'timestamp' ~ 'T.*(Z|[+-]\d\d(:?\d\d)?)$'
                      THEN (i.value->>'timestamp')::timestamptz
                      ELSE (i.value->>'timestamp')::timestamp AT TIME ZONE 'UTC' END
            ELSE i.created_at END AS said_at,
       i.value->>'query' AS query,
       i.value->>'response' AS response,
       coalesce(length(i.value->>'query'), 0) AS query_characters,
       coalesce(length(i.value->>'response'), 0) AS response_characters,
       CASE jsonb_typeof(i.value->'messages')
            WHEN 'array' THEN jsonb_array_length(i.value->'messages') ELSE 2 END AS messages,
       coalesce(i.value->'metadata', '{}') AS metadata,
       i.created_at AS saved_at
  FROM {schema}.item i
 WHERE i.namespace = 'conversations' AND i.user_id <> ''
   AND jsonb_typeof(i.value->'thread_id') = 'string'
   AND i.value ?| '{query,response,messages}'::text[]
   AND (i.expires_at IS NULL OR i.expires_at > now());

-- One row for each thread.
CREATE OR REPLACE VIEW {schema}.conversation_thread WITH (security_invoker = true) AS
SELECT t.user_id, t.thread_id, count(*) AS turns, min(t.said_at) AS first_at,
       max(t.said_at) AS last_at, sum(t.messages) AS messages,
       sum(t.query_characters) AS query_characters,
       sum(t.response_characters) AS response_characters
  FROM {schema}.conversation_turn t
 GROUP BY t.user_id, t.thread_id;

-- One row for each user and day, in UTC, on which something was said.
CREATE OR REPLACE VIEW {schema}.conversation_by_day WITH (security_invoker = true) AS
SELECT t.user_id, (t.said_at AT TIME ZONE 'UTC')::date AS day, count(*) AS turns,
       count(DISTINCT t.thread_id) AS threads, sum(t.query_characters) AS query_characters,
       sum(t.response_characters) AS response_characters
  FROM {schema}.conversation_turn t
 GROUP BY t.user_id, (t.said_at AT TIME ZONE 'UTC')::date;

-- One row for each user, namespace and day, in UTC, on which items were first written.
CREATE OR REPLACE VIEW {schema}.item_by_day WITH (security_invoker = true) AS
SELECT i.user_id, i.namespace, (i.created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS items,
       sum(pg_column_size(i.value)) AS value_bytes, max(i.updated_at) AS last_written_at
  FROM {schema}.item i
 WHERE i.expires_at IS NULL OR i.expires_at > now()
 GROUP BY i.user_id, i.namespace, (i.created_at AT TIME ZONE 'UTC')::date;

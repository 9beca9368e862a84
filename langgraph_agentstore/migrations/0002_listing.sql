-- Stored namespaces do not sort as tuples do; their places do (see namespaces.py, its twin).
-- Not STRICT and without SET, so that the planner can inline it into the index's expression.
CREATE OR REPLACE FUNCTION {schema}.namespace_place(namespace text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(replace(replace(replace(replace(namespace,
    E'\x02', E'\x02\x03'), E'\x01', E'\x02\x02'), ':', E'\x01'), '%3A', ':'), '%25', '%');

-- Newest first within a namespace, and the namespaces of a user in the order of their tuples.
CREATE INDEX IF NOT EXISTS item_newest ON {schema}.item
    (user_id, ({schema}.namespace_place(namespace)), updated_at DESC, key);

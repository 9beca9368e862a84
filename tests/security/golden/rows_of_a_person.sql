SELECT t.ctid::text, to_jsonb(t) - '{value,words,words_by,word_count}'::text[],
       to_jsonb(t) -> 'value'
  FROM "it's"."item_history" t
 WHERE (user_id = $1) AND t.ctid > $2::text::tid
 ORDER BY t.ctid LIMIT $3

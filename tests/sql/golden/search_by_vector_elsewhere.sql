coalesce(nullif(v.embedding OPERATOR("Extensions".<=>) $1::"Extensions".vector, 'NaN'), 1)
"Extensions".binary_quantize(v.embedding)::bit(2) OPERATOR("Extensions".<~>) (SELECT "Extensions".binary_quantize($1::"Extensions".vector)::bit(2))

CREATE INDEX CONCURRENTLY IF NOT EXISTS item_vector_1_ivfflat_halfvec_cosine ON "agentstore".item_vector_1 USING ivfflat ((embedding) halfvec_cosine_ops) WITH (lists=100)

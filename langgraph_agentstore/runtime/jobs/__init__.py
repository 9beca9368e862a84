"""Long work in many statements: bulk loads, imports, indexes, reindexing, maintenance."""

"""Long work in many statements: bulk loads, indexes, reindexing, maintenance."""

"""Migration from the official Postgres store: reading its tables and merging its items."""

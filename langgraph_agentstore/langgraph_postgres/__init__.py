"""The way from the official Postgres store: its tables, read and merged."""

"""Files for deepagents: its backend protocol on any store."""

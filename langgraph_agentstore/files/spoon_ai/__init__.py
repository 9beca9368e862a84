"""Files for spoon_ai: its backends on any store."""

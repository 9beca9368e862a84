"""History: what items were, who changed them, and why."""

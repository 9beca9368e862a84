"""Row level security: the database shows a statement the rows of its users alone."""

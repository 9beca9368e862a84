"""A look at a server and a schema from outside: it works where a store does not open."""

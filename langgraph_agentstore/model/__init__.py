"""Rules without I/O: users, namespaces, addresses, values, texts and times."""

"""The only I/O: one private thread with its own event loop, one pool, one implementation."""

"""SQL of the store: checked operations in, statements out; no I/O."""

"""The families of rows of `python -m benchmarks`; each function measures one."""

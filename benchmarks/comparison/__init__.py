"""`python -m benchmarks.comparison`: what each store does, tried on both, side by side.

A row is one function in `rows`. It is given a store of ours and one of the official package's,
each with empty tables, and returns in a few words what it saw. The table of `docs/comparison.md`
is the output.
"""

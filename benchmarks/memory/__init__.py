"""The examination of memory: corpora of conversations, questions about them, and what is found.

`python -m benchmarks.memory` asks the store itself. `python -m benchmarks.memory.lab` ranks by the
same formulas in numpy, with each technique on or off, and needs no store.
"""

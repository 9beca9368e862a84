"""Measurements against the official Postgres store, both in one run on one server.

`python -m benchmarks` starts the bundled Postgres in a temporary folder, with its default
settings, fills both stores with the same items, and lets them do the same work in turn. What
makes the comparison fair:

- The same items, values and times in both; `VACUUM (ANALYZE)` once after filling; both answers
  are compared before anything is timed.
- As many connections for either side, all open before it starts. The official store can be used
  over a pool, over one connection and in pipeline mode: each is tried first, and the fastest for
  that row is the one it is compared by.
- Awaited rows run on asyncio's own event loop, for both; blocking rows on the main thread.
- Each side warms up until a round takes about the time set, then the rounds alternate, with a
  garbage collection before each. A ratio is taken within a round; shown are the median of the
  ratios and the least and the greatest of them.
"""

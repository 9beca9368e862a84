"""Vector search against the official store: the same vectors of many tenants in one Postgres.

`python -m benchmarks.vectors` fills a table of 200,000 rows (fewer if they are long), in which the
parts of tenants of all sizes lie mixed, and asks both for the ten nearest of one tenant.
What makes the comparison fair:

- The same vectors, values and places of rows in both tables; each store's own approximate index,
  as its `setup()` defines it, made after the rows are in; `VACUUM (ANALYZE)`; one bundled server
  with the settings it has for everyone.
- The embedder of both looks a vector up, which costs nothing. A query's text is new each time, as
  in life: no store profits from having seen it.
- The official store is tried blocking and awaited, over a pool and over one connection; the
  fastest way races. Ours is awaited. The rounds alternate; a round's figure is the median latency
  of one query after the other, and a ratio is taken within a round.
- Speed alone says nothing: beside it stand how many of the rows that there are came back, and how
  many of the ten nearest, by measuring all of the tenant's vectors, were among them.
"""

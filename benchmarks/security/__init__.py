"""The price of each control: the same work with it and without it, in turn, in one run.

`python -m benchmarks.security` starts the bundled Postgres, and for each control opens a store with
it and a store without it. A figure is the time with the control over the time without it, by round.

- Both sides have the same items, connections and client, on one server. For row level security
  they also have the same tables: the sides are two roles.
- The server does not wait for the disk at each commit (`synchronous_commit = off`). A flush takes
  longer than a put, and by chance much longer: it would hide what a control costs. Where commits
  wait for a disk, the prices of puts are nearer to one.
- Items are overwritten, not added: so history has something to keep, and quotas something to
  compare.
"""

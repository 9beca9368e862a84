"""What remains of an erased user, where, and until when."""

from __future__ import annotations

from ...results import ErasureReceipt, Remainder


def remains_of(
    receipt: ErasureReceipt, wal_position: str, *, archived: bool, replicas: bool
) -> tuple[Remainder, ...]:
    """Return what a receipt says of copies that no statement reaches.

    `archived`: whether the server archives its write-ahead log. `replicas`: whether it has
    replicas or replication slots.
    """
    before = f"what is before {wal_position}"
    return (
        *_in_pages(receipt),
        Remainder(
            "the server's write-ahead log",
            f"{before} is recycled, some time after the next checkpoints",
        ),
        *([Remainder("the archived write-ahead log", f"you delete {before}")] if archived else ()),
        *([Remainder("replicas", f"they have replayed {wal_position}")] if replicas else ()),
        Remainder(
            "backups, exports and snapshots of disks",
            f"you delete those made before {receipt.erased_at.isoformat()}",
        ),
        *(
            [
                Remainder(
                    "backups of the data keys' own schema, with which older backups of the values "
                    "can be read",
                    f"you delete those made before {receipt.erased_at.isoformat()}",
                )
            ]
            if receipt.key_destroyed
            else ()
        ),
        *_elsewhere(receipt),
    )


def _in_pages(receipt: ErasureReceipt) -> tuple[Remainder, ...]:
    if receipt.vacuumed == "full":
        return (
            Remainder(
                "before Postgres 18, the planner's statistics of tables that are empty now",
                "ANALYZE finds rows in them",
            ),
        )
    if receipt.vacuumed:
        return (Remainder("free space in the pages of tables and indexes", "it is written over"),)
    return (
        Remainder(
            "dead rows in the pages of tables, indexes and the planner's statistics",
            "autovacuum reaches them and their space is written over; vacuum=True does the first "
            "at once, vacuum='full' both",
        ),
    )


def _elsewhere(receipt: ErasureReceipt) -> tuple[Remainder, ...]:
    """Return what is kept outside of the user's rows."""
    return (
        Remainder(
            "the memory of running processes: embeddings of texts, turns not yet saved",
            "the processes end; the tombstone refuses what they still write, of which dead rows "
            "stay until the next vacuum",
        ),
        Remainder(
            "records that others wrote about the user into namespaces of theirs or of nobody",
            "you delete them there",
        ),
        Remainder(
            "the history and audited reads of others, which tell on whose behalf they were changed "
            "or read, and the names of agents that wrote their items",
            "keep_days of the history, or you erase them",
        ),
        Remainder(
            f"the tombstone: the digest {receipt.digest}",
            "readmit_user; whoever knows the user id can recognize it",
        ),
    )

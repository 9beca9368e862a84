"""`agentstore ui` as a process: its token, its read-only session, live changes, Ctrl-C."""

from __future__ import annotations

import http.client
import signal
import sys
from urllib.parse import urlsplit

import pytest

from langgraph_agentstore import AgentStore
from tests.support.commands import LIMIT_S, running
from tests.support.faults import execute

SCHEMA = "explored_by_command"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another signal there")
def test_the_explorer_serves_until_it_is_interrupted(postgres_dsn: str) -> None:
    """It takes seconds: a process starts, and must end while a page of it is still open."""
    with AgentStore(postgres_dsn, schema=SCHEMA, index={"mode": "text"}) as store:
        store.for_user("ada").put(("notes",), "k", {"text": "green tea"})
        with running("ui", "--no-browser", "--schema", SCHEMA, dsn=postgres_dsn) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            address = urlsplit(said.split()[-1])
            assert address.hostname == "127.0.0.1"
            client = http.client.HTTPConnection(address.netloc, timeout=LIMIT_S)
            client.request("GET", "/users")
            refused = client.getresponse()
            assert (refused.status, b"ada" in refused.read()) == (403, False)
            client.request("GET", f"/?{address.query}")
            opened = client.getresponse()
            opened.read()
            cookie = {"cookie": str(opened.headers["set-cookie"]).partition(";")[0]}
            client.request("GET", "/item?u=ada&n=notes&k=k", headers=cookie)
            assert b"green tea" in client.getresponse().read()
            client.request("GET", "/live/events?u=ada", headers=cookie)
            stream = client.getresponse()
            assert stream.readline() == b"event: begun\n"
            store.for_user("ada").put(("notes",), "k", {"text": "black tea"})
            while b"black tea" not in stream.readline():
                pass
            process.send_signal(signal.SIGINT)
            assert process.wait(LIMIT_S) in (0, 130)
            stream.close()
            client.close()
            assert "Traceback" not in process.stderr.read()
        assert execute(postgres_dsn, "SELECT count(*) FROM {}.watch", SCHEMA) == [(0,)]

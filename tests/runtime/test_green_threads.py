"""Where gevent or eventlet replaced threads, a store says so at once, and works with the cure."""

from __future__ import annotations

import pytest

from tests.support.faults import start_script

GEVENT = "from gevent import monkey; monkey.patch_all({})"
EVENTLET = "import eventlet; eventlet.monkey_patch({})"
CURES = {GEVENT: "thread=False, queue=False", EVENTLET: "thread=False"}

# Whatever waits for ever is cut short, and shows where it waits.
_LIMIT = "import faulthandler, sys; faulthandler.dump_traceback_later(30, exit=True)\n"

_REFUSED = """
from langgraph_agentstore.errors import ConfigurationError
def refused(function):
    try:
        function()
    except ConfigurationError as error:
        print(error)
"""

_TOUR = """
from langgraph_agentstore import AgentStore
from tests.support.official import index
from tests.runtime.tour import use_everything
with AgentStore(sys.argv[1], schema=sys.argv[2], index=index()) as store:
    use_everything(store)
    store.put(("n",), "k", {"text": "tea"})
    print(len(store.search(("n",), query="tea")))
"""

_PLAIN = "from langgraph_agentstore import AgentStore\n"
_MAKE = "refused(lambda: AgentStore(sys.argv[1], schema=sys.argv[2]))\n"
_USE = "store = AgentStore(sys.argv[1], schema=sys.argv[2])\nstore.put(('n',), 'k', {})\n"
_USE_AGAIN = "refused(lambda: store.get(('n',), 'k'))\n"
_AWAIT = "import asyncio; refused(lambda: asyncio.run(store.aget(('n',), 'k')))\n"


def run(script: str, *arguments: str) -> str:
    process = start_script(_LIMIT + script, *arguments)
    out, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    return out


@pytest.fixture(params=CURES, ids=["gevent", "eventlet"])
def patch(request: pytest.FixtureRequest) -> str:
    patch: str = request.param
    pytest.importorskip("gevent" if patch == GEVENT else "eventlet")
    return patch + "\n"


def test_making_a_store_is_refused_and_the_cure_named(
    patch: str, postgres_dsn: str, schema_name: str
) -> None:
    script = patch.format("") + _REFUSED + _PLAIN + _MAKE
    assert CURES[patch.strip()] in run(script, postgres_dsn, schema_name)


def test_using_a_store_is_refused_where_they_were_replaced_since(
    patch: str, postgres_dsn: str, schema_name: str
) -> None:
    script = _REFUSED + _PLAIN + _USE + patch.format("") + _USE_AGAIN + _AWAIT
    said = run(script, postgres_dsn, schema_name).splitlines()
    assert len(said) == 2
    assert all(CURES[patch.strip()] in line for line in said)


def test_everything_works_with_the_cure(patch: str, postgres_dsn: str, schema_name: str) -> None:
    script = patch.format(CURES[patch.strip()]) + _TOUR
    assert run(script, postgres_dsn, schema_name) == "1\n"


def test_greenlets_wait_for_the_store_together(postgres_dsn: str, schema_name: str) -> None:
    pytest.importorskip("gevent")
    script = f"""
{GEVENT.format(CURES[GEVENT])}
import gevent
from langgraph_agentstore import AgentStore
with AgentStore(sys.argv[1], schema=sys.argv[2]) as store:
    gevent.joinall([gevent.spawn(store.put, ("n",), f"k{{n}}", {{"n": n}}) for n in range(20)])
    print(store.count())
"""
    assert run(script, postgres_dsn, schema_name) == "20\n"

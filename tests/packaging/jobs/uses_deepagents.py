"""The backend of deep agents keeps a file; before Python 3.11 there are no deep agents."""

import sys

from langgraph.store.memory import InMemoryStore
from raising import error_of

from langgraph_agentstore.errors import MissingExtraError


def write_and_read() -> None:
    from langgraph_agentstore.files import DeepAgentsBackend

    backend = DeepAgentsBackend(InMemoryStore(), namespace=("filesystem",))
    assert backend.write("/notes/tea.md", "80 degrees").error is None
    assert "80 degrees" in str(backend.read("/notes/tea.md"))
    assert [match["path"] for match in backend.grep("80").matches] == ["/notes/tea.md"]


if sys.version_info >= (3, 11):
    from deepagents import create_deep_agent

    assert callable(create_deep_agent)
    write_and_read()
else:
    assert "Python 3.11" in error_of(MissingExtraError, write_and_read)

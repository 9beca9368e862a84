"""What the storage types do that need a server, where none listens."""

from raising import error_of

from langgraph_agentstore.errors import ConfigurationError, StoreUnavailableError
from memory_agent.agent import MemoryAgent


def says_that_no_server_answers(kind: str, address: str) -> None:
    """Port 1 of this machine is nobody's."""
    assert "needs the server's address" in error_of(ConfigurationError, lambda: MemoryAgent(kind))
    said = error_of(StoreUnavailableError, lambda: MemoryAgent(kind, dsn=address))
    assert "127.0.0.1" in said, said
    assert "nothing" not in said, "it shows the password"

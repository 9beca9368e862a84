"""A store, written to a file and read from it."""

from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.transfer import export, import_, verify


def goes_there_and_back(path: str) -> None:
    """What is read is what was written."""
    one, other = InMemoryStore(), InMemoryStore()
    one.put(("notes", "tea"), "ä", {"degrees": 80, "kinds": ["green", None]})
    assert export(one, path).records == verify(path).records == import_(other, path) == 1
    assert other.get(("notes", "tea"), "ä").value == one.get(("notes", "tea"), "ä").value

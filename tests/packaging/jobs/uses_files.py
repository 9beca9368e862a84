"""Files are found by globs."""

from langgraph_agentstore.files import InMemoryStore, StoreBackend

files = StoreBackend(InMemoryStore())
for path in ("/notes/tea.md", "/notes/old/coffee.md", "/notes/tea.txt"):
    files.write(path, "80 degrees")
found = [info["path"] for info in files.glob_info("**/*.md", "/notes")]
assert sorted(found) == ["/notes/old/coffee.md", "/notes/tea.md"], found

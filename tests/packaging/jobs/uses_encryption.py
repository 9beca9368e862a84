"""What is encrypted is read with its key alone."""

from langgraph.store.memory import InMemoryStore
from raising import error_of

from langgraph_agentstore.errors import DecryptionError
from memory_agent.agent import MemoryAgent

store, key = InMemoryStore(), MemoryAgent.generate_key()
agent = MemoryAgent(store=store, encryption_key=key)
agent.store_memory("secret", {"text": "My cat is called Turing."})
assert "Turing" not in str([item.value for item in store.search(())])
assert agent.retrieve_memory("secret") == {"text": "My cat is called Turing."}
other = MemoryAgent(store=store, encryption_key=MemoryAgent.generate_key())
said = error_of(DecryptionError, lambda: other.retrieve_memory("secret"))
assert "encrypted with the key of id" in said

"""A store with telemetry works by the API alone, which records nothing."""

from opentelemetry.trace import get_current_span

from langgraph_agentstore import AgentStore
from langgraph_agentstore.telemetry import Telemetry

store = AgentStore("postgresql://localhost/db", telemetry=Telemetry(content=True))
store.close()
assert not get_current_span().is_recording()

"""The former name of `langgraph_agentstore.conformance`, kept until 0.3."""

import warnings

from ..conformance import FACTS, Fact, StoreConformance

__all__ = ["FACTS", "Fact", "StoreConformance"]

warnings.warn(
    "langgraph_agentstore.testing is now langgraph_agentstore.conformance; the old name goes "
    "in 0.3",
    DeprecationWarning,
    stacklevel=2,
)

"""`python -m langgraph_agentstore`: the command `agentstore`."""

from __future__ import annotations

import sys

from langgraph_agentstore.cli import main

if __name__ == "__main__":
    sys.exit(main())

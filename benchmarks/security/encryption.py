"""The price of encryption."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_agentstore.security import Encryption, LocalKeys

from ..bench import Bench
from ..harness import Result
from .pricing import pricing


def encrypting(bench: Bench) -> Iterator[Result]:
    """Measure values that are encrypted whole, with an index of their words."""
    encryption = Encryption(LocalKeys.generate_key(), index_plaintext=True)
    with pricing(bench, "encryption", encryption=encryption) as (priced, _):
        yield from priced.usual()
        yield from priced.sized(gets=True)

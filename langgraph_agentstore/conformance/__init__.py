"""A conformance suite for LangGraph stores, for pytest; it needs nothing else of this package.

What a `BaseStore` promises, as single facts: each a name, a sentence, and one body that is run
against the blocking methods and against the awaitable ones. To hold a store to it:

    class TestMyStore(StoreConformance):
        def open_store(self, ttl):
            return MyStore.from_conn_string(DSN, ttl=ttl)

`open_store` gives an empty store, or a context manager of one. Facts that a store is known not
to meet are listed with a reason, and a test fails once they are met:

        deviations = {"a_negative_limit_is_refused": "It counts from the end, as a slice does."}

One form only: `forms = ("awaited",)`. One fact only: `pytest -k created_at_survives_an_update`.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.facts")

from . import facts as facts  # noqa: E402 - its asserts are to explain themselves
from .conformance import StoreConformance  # noqa: E402
from .fact import FACTS, Fact  # noqa: E402

__all__ = ["FACTS", "Fact", "StoreConformance"]

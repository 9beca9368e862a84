"""A conformance suite for LangGraph stores, for pytest; it needs no other part of this package.

The suite tests the contract of `BaseStore` as single facts. Each fact has a name, a sentence and
one body, which runs against the blocking methods and against the async methods. To test a store:

    class TestMyStore(StoreConformance):
        def open_store(self, ttl):
            return MyStore.from_conn_string(DSN, ttl=ttl)

`open_store` returns an empty store or a context manager of one. List the facts that a store is
known not to meet, with a reason each; a test fails when such a fact is met after all:

        deviations = {"a_negative_limit_is_refused": "It counts from the end, as a slice does."}

To test one form only, set `forms = ("awaited",)`. To test one fact only, run
`pytest -k created_at_survives_an_update`.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.facts")

from . import facts as facts  # noqa: E402 - after the assert rewriting is registered
from .conformance import StoreConformance  # noqa: E402
from .fact import FACTS, Fact  # noqa: E402

__all__ = ["FACTS", "Fact", "StoreConformance"]

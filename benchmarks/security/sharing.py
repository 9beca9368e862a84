"""The price of sharing: of what others share, and of one's own beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..bench import Bench
from ..harness import Result
from .pricing import USERS, Place, Places, pricing


def sharing(bench: Bench) -> Iterator[Result]:
    """Measure what a user shares, by the other user's view and by the owner's."""
    with pricing(bench, "sharing") as (priced, store):
        names = [place.namespace[1] for place in priced.dear]
        views = [store.for_user(name) for name in names]
        own: Places = [Place(view, ("memories",)) for view in views]
        for n, view in enumerate(views):
            view.share(("memories",), names[(n + 1) % USERS], "write")
        others: Places = [
            Place(views[(n + 1) % USERS], place.namespace) for n, place in enumerate(priced.dear)
        ]
        yield from replace(priced, control="sharing", dear=others, plain=own).usual()

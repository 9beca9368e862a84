"""Who is at work in a process, and what workers of several processes must agree on."""

from __future__ import annotations

from typing import Any

from langgraph_agentstore import DataStore
from tests.soak.beliefs import Numbered, check_total
from tests.soak.care_workers import HistoryWorker, HoldWorker, KeeperWorker, QuotaWorker
from tests.soak.explorer_worker import ExplorerWorker
from tests.soak.files_worker import FilesWorker
from tests.soak.graph_worker import GraphWorker
from tests.soak.mcp_worker import McpWorker
from tests.soak.memory_worker import MemoryWorker
from tests.soak.moving_worker import MovingWorker
from tests.soak.opening import Opening
from tests.soak.records_worker import TEAM, RecordsWorker
from tests.soak.search_worker import SearchWorker
from tests.soak.store_worker import StoreWorker
from tests.soak.talk_worker import TalkWorker
from tests.soak.watch_worker import ChangingWorker, WatchWorker, check_watch
from tests.soak.workers import Place, Worker

CREW: tuple[tuple[type[Worker], int], ...] = (
    (StoreWorker, 3),
    (SearchWorker, 2),
    (RecordsWorker, 4),
    (ChangingWorker, 2),
    (WatchWorker, 2),
    (TalkWorker, 2),
    (FilesWorker, 4),
    (MovingWorker, 1),
    (MemoryWorker, 2),
    (GraphWorker, 2),
)
"""How many there are of each kind."""

OF_CONTROLS: dict[str, tuple[type[Worker], int]] = {
    "history": (HistoryWorker, 2),
    "quotas": (QuotaWorker, 2),
    "holds": (HoldWorker, 1),
    "explorer": (ExplorerWorker, 1),
    "mcp": (McpWorker, 2),
}
"""Who works where a control is on."""


def crew_of(place: Place) -> list[Worker]:
    opening = place.opening
    kinds = [*CREW, *(crew for control, crew in OF_CONTROLS.items() if opening.has(control))]
    crew = [kind(place, number) for kind, count in kinds for number in range(count)]
    place.users += [worker.user for worker in crew if worker.user]
    if place.process == 0 and opening.controls:
        crew.append(KeeperWorker(place, 0))
    return crew


def check_claims(claims: dict[str, dict[str, Any]], opening: Opening) -> None:
    """What all say together: the sums that all added to, what was written and what was heard."""
    with opening.store(reads_replica=False) as store:
        team = DataStore(store, TEAM, None, "shared")
        for key in ("added", "guarded"):
            each = [Numbered(**claim[key]) for claim in claims.values() if key in claim]
            check_total(team.get(key, 0), each)
    for user in {user for user, claim in claims.items() if "heard" in claim}:
        check_watch(Numbered(**claims[user]["written"]), claims[user]["heard"])

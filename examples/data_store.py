"""Three agents share a user's records by `data_store`: an ingester, four workers, a collector.

The agents know nothing of stores or users; whoever runs them hands them the object. Two of their
steps run in a graph, where `data_store()` finds user and agent by itself.

python examples/data_store.py
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.data_store import data_store

FILES = {
    "README.md": "the store that remembers",
    "store.py": "def get(): return the record",
    "test_store.py": "assert the record is there",
    "notes.txt": "the record of the meeting",
}


class Ingester:
    """Puts a repository's files where the others find them, and says what is to be done."""

    def __init__(self, records: DataStore) -> None:
        self.data_store = records

    async def run(self, files: dict[str, str], _tools: list[Any]) -> None:
        """No await at the records: the methods block, for less than a millisecond."""
        self.data_store.use_namespace("files:demo:main").set_many(files)
        for path in files:
            self.data_store.use_namespace("jobs").set(path, "waiting")


class Worker:
    """Takes jobs until there are none; of several workers one gets each."""

    def __init__(self, records: DataStore) -> None:
        self.files = records.use_namespace("files:demo:main")
        self.jobs = records.use_namespace("jobs")
        self.counts = records.use_namespace("words")

    def run(self) -> None:
        """Count words; no count is lost, however many workers there are."""
        for path in self.jobs.list_keys():
            if self.jobs.compare_and_set(path, "waiting", "taken"):
                for word in self.files.get(path).split():
                    self.counts.increment(word)
                self.jobs.set(path, "done")


def collect(_state: MessagesState) -> dict[str, Any]:
    """Run as a node: use the data store of the graph's user, with the node's name as agent."""
    counts = data_store("words").get_all()
    often = sorted(counts, key=lambda word: (-counts[word], word))[:2]
    data_store("reports").set("often", often, metadata={"of": "demo"})
    return {"messages": [("ai", " and ".join(f"{word} ({counts[word]})" for word in often))]}


def main() -> None:
    """One user; what each agent did shows in the records."""
    with AgentStore(schema="agentstore_examples") as store:
        asyncio.run(Ingester(DataStore(store, "ada", "ingester")).run(FILES, []))
        workers = [Worker(DataStore(store, "ada", f"worker-{n}")) for n in range(4)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(Worker.run, workers))

        graph = StateGraph(MessagesState).add_node(collect).add_edge(START, "collect")
        config: Any = {"configurable": {"user_id": "ada"}}
        answer = graph.compile(store=store).invoke({"messages": []}, config)
        print(f"most often: {answer['messages'][-1].text}")

        records = DataStore(store, "ada", None)
        print(f"jobs: {records.use_namespace('jobs').get_all()}")
        report = records.use_namespace("reports").record("often")
        assert report is not None
        print(f"{report.id}: {report.value}, by {report.created_by_agent}, {report.metadata}")
        # So that the example can be run again.
        store.delete_user("ada")


if __name__ == "__main__":
    main()

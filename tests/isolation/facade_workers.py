"""The other facades: services, conversations, encrypted memories, words, exports."""

from __future__ import annotations

import json
from typing import Any

from langgraph_agentstore import transfer
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import DataStoreService
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.memory_tools import memory_tools
from tests.soak.beliefs import AWAY, Believed, Numbered, check_owner, fate_of
from tests.soak.memory_worker import MemoryWorker
from tests.soak.records_worker import RecordsWorker
from tests.soak.search_worker import NAMESPACE as NOTES
from tests.soak.search_worker import SearchWorker
from tests.soak.workers import Place, Worker
from tests.support.crossing_users import KEYS, NAMESPACES

THREADS = 3


class OwnRecordsWorker(RecordsWorker):
    """An append that comes late must not meet a list begun anew: it is never begun anew."""

    longest_list = 10**9


class WordsWorker(SearchWorker):
    """Search by words, for which no model is needed."""

    modes = ("text",)
    searched = NOTES


class ServiceWorker(Worker):
    """`DataStoreService`, whose every call names the user; namespaces and keys read alike."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.service = DataStoreService(place.store)
        self.namespace = NAMESPACES[number % len(NAMESPACES)]
        self.cells = {key: Believed() for key in KEYS}
        self.number = 0

    def turn(self) -> None:
        acts = (self.set, self.get, self.get_many, self.get_all, self.delete, self.set_many)
        self.chance.choices(acts, (10, 10, 5, 5, 2, 3))[0]()

    def check(self) -> None:
        self.get_all()

    def set(self) -> None:
        key, value = self._any(), self._value()
        asked = (self.user, self.namespace, key, value)
        self.cells[key].write(value, lambda: self.service.set(*asked))

    def set_many(self) -> None:
        values = {key: self._value() for key in self.chance.sample(KEYS, 3)}
        rows = [(self.namespace, key, value, None) for key, value in values.items()]
        error: Exception | None = None
        try:
            self.service.set_many(self.user, rows)
        except AWAY as raised:
            error = raised
            raise
        finally:
            for key, value in values.items():
                self.cells[key].note(value, fate_of(error))

    def get(self) -> None:
        key = self._any()
        record = self.service.get(self.user, self.namespace, key)
        if record is not None:
            shown = (record.user_id, record.namespace, record.key)
            assert shown == (self.user, self.namespace, key), shown
        self.cells[key].check(self.owned(None if record is None else record.value))

    def get_many(self) -> None:
        keys = self.chance.sample(KEYS, 4)
        found = self.owned(self.service.get_many(self.user, self.namespace, keys))
        for key in keys:
            self.cells[key].check(found.get(key))

    def get_all(self) -> None:
        found = self.owned(self.service.get_all(self.user, self.namespace))
        assert set(found) <= set(KEYS)
        for key, cell in self.cells.items():
            cell.check(found.get(key))

    def delete(self) -> None:
        key = self._any()
        self.cells[key].write(None, lambda: self.service.delete(self.user, self.namespace, key))

    def _any(self) -> str:
        return self.chance.choice(KEYS)

    def _value(self) -> dict[str, Any]:
        self.number += 1
        return {"of": self.user, "n": self.number}


class TurnsWorker(Worker):
    """Turns saved, read, searched by words and forgotten."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.memory = ConversationMemory(place.indexed, self.user)
        self.begun = 0
        self.said: dict[str, Numbered] = {}
        for _ in range(THREADS):
            self._begin()

    def turn(self) -> None:
        acts = (self.save, self.read, self.search, self.resume, self.list_threads, self.forget)
        self.chance.choices(acts, (12, 6, 6, 2, 2, 1))[0]()

    def check(self) -> None:
        for thread in self.said:
            self._read(thread)

    def save(self) -> None:
        thread = self._any()

        def save(n: int) -> Any:
            texts = (f"{self.user} asked word{n}", f"answer of {self.user}")
            return self.call(self.memory, "save_turn", *texts, thread, {"of": self.user, "n": n})

        self.said[thread].write(save)

    def read(self) -> None:
        self._read(self._any())

    def search(self) -> None:
        """Every turn has a word of its own; the same words are everybody's."""
        thread = self._any()
        wanted = f"word{self.chance.randrange(self.said[thread].count + 1)}"
        for turn in self.call(self.memory, "search", wanted):
            self._check(turn, turn.thread_id)

    def resume(self) -> None:
        thread = self._any()
        for message in self.call(self.memory, "resume", thread):
            assert self.user in message.text, f"{self.user} was told {message.text}"
        self.tally.checked += 1

    def list_threads(self) -> None:
        listed = {thread.thread_id for thread in self.call(self.memory, "threads")}
        sure = {thread for thread, said in self.said.items()
                if said.count > len(said.doubtful) + len(said.undone)}  # fmt: skip
        assert sure <= listed
        assert all(thread.startswith(f"of {self.user} ") for thread in listed), listed

    def forget(self) -> None:
        """Whether it is forgotten or not: nobody asks for the thread any more."""
        thread = self._any()
        del self.said[thread]
        self._begin()
        self.call(self.memory, "forget", thread)

    def _begin(self) -> None:
        self.begun += 1
        self.said[f"of {self.user} {self.begun}"] = Numbered()

    def _any(self) -> str:
        return self.chance.choice(list(self.said))

    def _read(self, thread: str) -> None:
        turns = self.call(self.memory, "turns", thread)
        self.said[thread].check([self._check(turn, thread) for turn in turns])

    def _check(self, turn: Any, thread: str) -> int:
        self.owned(turn.metadata)
        n: int = turn.metadata["n"]
        assert turn.query == f"{self.user} asked word{n}", turn.query
        assert turn.response == f"answer of {self.user}", turn.response
        assert turn.thread_id == thread
        return n


class FactsWorker(Worker):
    """The tools by which a model keeps facts; every text names its user and a number."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        options: Any = {"namespace": ("facts", self.name), "similar": 1, "limit": 50}
        tools = memory_tools(place.indexed, user_id=self.user, **options)
        self.tools = {tool.name: tool for tool in tools}
        self.keys: list[str] = []
        self.count = 0

    def turn(self) -> None:
        acts = (self.save, self.update, self.search, self.forget)
        self.chance.choices(acts, (4, 8, 8, 1))[0]()

    def check(self) -> None:
        self._search("")

    def save(self) -> None:
        answer = self._use("save_memory", content=self._text())
        assert answer.startswith("Saved under the key "), answer
        self.keys.append(json.loads(answer.removeprefix("Saved under the key ").rstrip(".")))

    def update(self) -> None:
        if not self.keys:
            return self.save()
        key = self.chance.choice(self.keys)
        answer = self._use("update_memory", key=key, content=self._text())
        if answer.startswith("There is no memory"):  # it was erased, or forgotten after a doubt
            return self.keys.remove(key)
        assert answer.startswith("Updated"), answer
        self._check(json.loads(answer.partition(" Before: ")[2]))
        return None

    def search(self) -> None:
        self._search(f"word{self.chance.randrange(self.count + 1)}")

    def forget(self) -> None:
        if len(self.keys) > 5:
            self._use("forget_memory", key=self.keys.pop())

    def _search(self, query: str) -> None:
        for line in self._use("search_memories", query=query).splitlines():
            if line.startswith("- key "):
                _key, end = json.JSONDecoder().raw_decode(line, len("- key "))
                self._check(json.JSONDecoder().raw_decode(line, end + len(": "))[0])

    def _use(self, name: str, **given: Any) -> str:
        answer: str = self.call(self.tools[name], "invoke", given)
        self.tally.checked += 1
        return answer

    def _text(self) -> str:
        self.count += 1
        return f"of {self.user}: word{self.count}"

    def _check(self, text: str) -> None:
        assert text.startswith(f"of {self.user}: word"), f"{self.user} was told {text}"


class SharedMemoryWorker(MemoryWorker):
    """`MemoryAgent` on a store that others use too; every other one encrypts."""

    def begin(self) -> None:
        key = MemoryAgent.generate_key() if self.name.endswith(("1", "3", "5", "7", "9")) else None
        options: Any = {"store": self.place.store, "encryption_key": key}
        self.agent = MemoryAgent(user_id=self.user, namespace=("memories", self.name), **options)

    def reopen(self) -> None:
        """The store is another's, the key this agent's: nothing is to be opened anew."""


class ExportWorker(Worker):
    """Everything of one user, whatever wrote it, goes to a file."""

    kept = 5

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.path = place.folder / f"{self.name}.jsonl"
        self.written = False

    def turn(self) -> None:
        if not self.written:
            for n in range(self.kept):
                self._put(n)
            self.written = True
        self.call(transfer, "export", self.place.store, self.path, user_id=self.user)
        self._read()

    def check(self) -> None:
        self.turn()

    def close(self) -> None:
        self.path.unlink(missing_ok=True)

    def _put(self, n: int) -> None:
        view = self.place.store.for_user(self.user)
        self.call(view, "put", ("exported",), f"k{n}", {"of": self.user, "n": n})

    def _read(self) -> None:
        found = []
        for line in self.path.read_text("utf-8").splitlines():
            document = json.loads(line)
            if "value" not in document:  # the manifest
                continue
            assert document["userId"] == self.user, document["userId"]
            check_owner(self.user, document["value"])
            if document["namespace"] == "exported":
                found.append(document["value"]["n"])
        assert sorted(found) == list(range(self.kept))
        self.tally.checked += 1

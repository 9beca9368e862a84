"""Files of both dialects: one's own, and logs into which everybody writes."""

from __future__ import annotations

import time
from typing import Any

from langgraph_agentstore.files import StoreBackend
from tests.soak.beliefs import Believed, Numbered
from tests.soak.workers import Place, Worker

TEAM = "filing"
PATHS = tuple(f"/notes/{n}.md" for n in range(8))
LOG_S = 10
"""So often a new log is begun, by whoever comes first."""


def deep_agents_backend() -> Any:
    """Imported late: deepagents is not there for every Python."""
    from langgraph_agentstore.files import DeepAgentsBackend

    return DeepAgentsBackend


class FilesWorker(Worker):
    """write, edit, read, ls, glob and grep; no edit of anybody is lost, none is made twice."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        view, team = place.store.for_user(self.user), place.store.for_user(TEAM)
        self.is_spoon_ai = number % 2 == 0
        kind = StoreBackend if self.is_spoon_ai else deep_agents_backend()
        self.backend: Any = kind(view)
        self.team: Any = kind(team)
        self.first = StoreBackend(team)  # its `write` never replaces a file that is there
        self.cells = {path: Believed() for path in PATHS}
        self.logs: dict[str, Numbered] = {}
        self.signed = f"{self.name}@{place.process}"
        self.number = 0

    def turn(self) -> None:
        acts = (self.write, self.edit, self.read, self.list, self.grep, self.log)
        self.chance.choices(acts, (8, 10, 10, 3, 3, 8))[0]()

    def check(self) -> None:
        for path in PATHS:
            self._read(path)
        for path in list(self.logs):
            self._check_log(path)

    def write(self) -> None:
        path, cell = self._any()
        text = self._text()
        cell.write(text, lambda: self._upload(self.backend, path, text))

    def edit(self) -> None:
        path, cell = self._any()
        if not cell.is_certain or cell.value is None:
            return
        old, new = cell.value, self._text()
        result = cell.write(new, lambda: self.call(self.backend, "edit", path, old, new))
        assert result.error is None, result.error

    def read(self) -> None:
        self._read(self._any()[0])

    def list(self) -> None:
        method = "ls_info" if self.is_spoon_ai else "ls"
        answer = self.call(self.backend, method, "/notes")
        entries = answer if self.is_spoon_ai else answer.entries
        found = {entry["path"] for entry in entries}
        certain = {p for p, c in self.cells.items() if c.is_certain and c.value is not None}
        assert certain <= found <= set(PATHS)

    def grep(self) -> None:
        """Each file names its user: all that are found do."""
        method = "grep_raw" if self.is_spoon_ai else "grep"
        answer = self.call(self.backend, method, "file of", "/")
        matches = answer if self.is_spoon_ai else answer.matches
        assert all(match["text"].startswith(f"file of {self.user!r} ") for match in matches)
        self.tally.checked += 1

    def log(self) -> None:
        """A line before the last one of a file that all processes edit at once."""
        path = f"/log/{int(time.time()) // LOG_S}"
        if path not in self.logs:
            self.call(self.first, "write", path, "END")
            self.logs[path] = Numbered()
            self._forget_logs()

        def add(n: int) -> Any:
            return self.call(self.team, "edit", path, "END", f"{self.signed} {n}.\nEND")

        result = self.logs[path].write(add)
        assert result.error is None, result.error

    def _forget_logs(self) -> None:
        """Those of a while ago, when nothing is under way there any more."""
        while len(self.logs) > 3:
            oldest = next(iter(self.logs))
            self._check_log(oldest)
            del self.logs[oldest]

    def _check_log(self, path: str) -> None:
        answer = self.call(self.team, "download_files", [path])[0]
        lines = (answer.content or b"END").decode().split("\n")
        assert lines[-1] == "END"
        mine = [line for line in lines if line.startswith(f"{self.signed} ")]
        self.logs[path].check([int(line.split()[1].rstrip(".")) for line in mine])

    def _upload(self, backend: Any, path: str, text: str) -> None:
        self.call(backend, "upload_files", [(path, text.encode())])

    def _read(self, path: str) -> None:
        content = self.call(self.backend, "download_files", [path])[0].content
        found = None if content is None else content.decode()
        assert found is None or found.startswith(f"file of {self.user!r} "), found
        self.cells[path].check(found)
        self.tally.checked += 1

    def _any(self) -> tuple[str, Believed]:
        return self.chance.choice(list(self.cells.items()))

    def _text(self) -> str:
        self.number += 1
        return f"file of {self.user!r} {self.number}"

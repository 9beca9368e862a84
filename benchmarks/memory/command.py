"""The options of the examination: which corpora, which model."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from ..harness import command
from .corpora import DATA, Corpus, code_corpus, generated_corpus, read_corpus
from .models import Model, default_cache, find_model, kept


def memory_command(module: str, doc: str | None) -> ArgumentParser:
    """Return a parser with the options that choose corpora and a model."""
    parser = command(module, doc)
    parser.add_argument(
        "corpora",
        nargs="*",
        default=["generated"],
        help="'generated', 'code', 'written' (data/), or files in a form that corpora.py names",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="of the generated talk")
    parser.add_argument("--pooled", action="store_true", help="all conversations in one memory")
    parser.add_argument("--static", action="store_true", help="the word vectors of wordllama")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="for embeddings")
    return parser


def corpora_of(options: Namespace) -> Iterator[Corpus]:
    """Yield the corpora that the options name."""
    for name in options.corpora:
        for corpus in _corpora(name, options):
            yield corpus.pooled() if options.pooled else corpus


def _corpora(name: str, options: Namespace) -> Iterator[Corpus]:
    if name == "generated":
        yield generated_corpus(options.seeds)
    elif name == "code":
        yield code_corpus(options.seeds)
    elif name == "written":
        yield from map(read_corpus, sorted(DATA.glob("*.json")))
    else:
        yield read_corpus(Path(name))


def model_of(options: Namespace) -> Model | None:
    """Return the model that the options name, with its embeddings kept; None without one."""
    model = find_model(static=options.static)
    return None if model is None else kept(model, options.cache)

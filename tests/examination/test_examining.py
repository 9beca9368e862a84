"""All ways of search are asked the same questions over the same turns."""

from pathlib import Path

import pytest

from benchmarks.memory.__main__ import OFFICIAL, WAYS, by_kind, estimates, examine, report
from benchmarks.memory.corpora import DATA, Conversation, Corpus, read_corpus
from benchmarks.memory.models import Model, kept
from benchmarks.memory.plot import write_plot


def letters(texts: object) -> list[list[float]]:
    """Embed a text by how often it has each letter."""
    assert isinstance(texts, list | tuple)
    return [[float(text.lower().count(letter)) for letter in "abcdefghij"] for text in texts]


MODEL = Model("letters", 10, letters)


def small() -> Corpus:
    """Two conversations, of which each question is asked in its own memory alone."""
    whole = read_corpus(DATA / "talk.json")
    cut = (Conversation(one.id, one.utterances, one.questions[:4]) for one in whole.conversations)
    return Corpus("small", tuple(cut)[:2])


def test_every_way_of_search_answers_every_question(
    postgres_dsn: str, schema_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = small()
    answers = examine(corpus, postgres_dsn, schema_name, MODEL)
    asked = [one for each in corpus.conversations for one in each.questions]
    assert tuple(answers) == WAYS
    for given in answers.values():
        assert [one.question for one in given] == asked
        assert all(one.recall(5) <= one.recall(10) <= one.recall(20) for one in given)
        assert all(one.session_recall(10) >= (one.recall(10) > 0) * 0.01 for one in given)
    assert estimates(answers)["conversations, text"].mean > 0
    # By the same vectors of the same texts, in a memory that is small enough for any index.
    for ours, theirs in zip(answers["store, vector"], answers[OFFICIAL], strict=True):
        assert ours.recall(20) == pytest.approx(theirs.recall(20))
    assert [row[0] for row in by_kind(answers)][-1] == "all"
    report(corpus, answers, MODEL)
    assert "conversations, hybrid" in capsys.readouterr().out
    plot = tmp_path / "recall.svg"
    write_plot(plot, MODEL.name, {name: estimates(answers) for name in ("small", "large")})
    drawn = plot.read_text("utf-8")
    assert all(text in drawn for text in ("recall@10", "small", "large", OFFICIAL))


def test_an_embedding_is_computed_once_and_kept(tmp_path: Path) -> None:
    computed: list[str] = []

    def embed(texts: object) -> list[list[float]]:
        assert isinstance(texts, list)
        computed.extend(texts)
        return letters(texts)

    model = Model("letters", 10, embed)
    first = kept(model, tmp_path).embed(["abc", "jj", "abc"])
    again = kept(model, tmp_path).embed(["jj", "abc", "d"])
    assert computed == ["abc", "jj", "d"]
    assert first == letters(["abc", "jj", "abc"])
    assert again == letters(["jj", "abc", "d"])

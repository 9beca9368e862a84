"""Which texts of a value are searched, and how long ones are taken apart."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_agentstore.config.index_options import paths_of, search_index
from langgraph_agentstore.config.search_index import SearchIndex
from langgraph_agentstore.errors import InvalidOperationError, InvalidValueError
from langgraph_agentstore.model.text_fields import (
    LONGEST_WORDS_BYTES,
    Part,
    chunk_by_size,
    parts_of,
    words_of,
)
from langgraph_agentstore.sql.indexed_content import content_for, content_of
from langgraph_agentstore.sql.statement import Put, SqlContext
from langgraph_agentstore.sql.tables import Tables

VALUE = {
    "text": "top",
    "a": {"b": "inner", "n": 7},
    "list": ["one", "two", {"c": "three"}],
    "rows": [{"c": "x", "d": "y"}, {"c": "z"}],
    "none": None,
    "flag": True,
}


def texts(*fields: str, value: Any = VALUE) -> list[str]:
    return [part.text for part in parts_of(value, paths_of(fields), None)]


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("text", ["top"]),
        ("a.b", ["inner"]),
        ("a.n", ["7"]),
        ("list[0]", ["one"]),
        ("list[-1].c", ["three"]),
        ("list[9]", []),
        ("rows[*].c", ["x", "z"]),
        ("rows[*].d", ["y"]),
        ("{text,a.b}", ["top", "inner"]),
        ("none", []),
        ("absent.deep", []),
        ("a", ['{"b": "inner", "n": 7}']),
    ],
)
def test_paths_are_langgraphs(field: str, found: list[str]) -> None:
    assert texts(field) == found


def test_the_root_is_the_whole_value_as_json() -> None:
    assert texts("$", value={"b": 1, "a": "é"}) == ['{"a": "é", "b": 1}']


def test_a_star_stands_for_any_field() -> None:
    assert texts("a.*") == ["inner", "7"]


def test_parts_are_in_the_order_of_the_paths_and_know_them() -> None:
    parts = parts_of(VALUE, paths_of(["a.b", "rows[*].c"]), None)
    assert parts == (Part("a.b", "inner"), Part("rows[*].c", "x"), Part("rows[*].c", "z"))


def test_blank_texts_are_no_parts() -> None:
    assert texts("x[*]", value={"x": ["", " \n\t", "a"]}) == ["a"]


def test_a_path_that_is_given_twice_counts_once() -> None:
    assert texts("text", "text") == ["top"]


def test_equal_texts_have_equal_digests_wherever_they_are() -> None:
    assert Part("a", "text").digest == Part("b", "text").digest
    assert Part("a", "text").digest != Part("a", "text ").digest


def test_a_digest_fits_a_bigint() -> None:
    digests = [Part("a", str(n)).digest for n in range(200)]
    assert all(-(2**63) <= digest < 2**63 for digest in digests)
    assert min(digests) < 0 < max(digests)


# Words


def words(*fields: str, value: Any = VALUE) -> list[str]:
    return words_of(value, paths_of(fields)).split("\n")


def test_the_words_of_a_whole_value_are_without_keys_quotes_and_booleans() -> None:
    assert words("$") == ["top", "inner", "7", "one", "two", "three", "x", "y", "z"]


def test_the_words_of_a_path_are_its_texts() -> None:
    assert words("a.b", "rows[*].c") == ["inner", "x", "z"]


def test_more_text_than_postgres_reads_is_cut_between_characters() -> None:
    text = words_of({"t": "é" * LONGEST_WORDS_BYTES}, paths_of(["t"]))
    assert len(text.encode()) == LONGEST_WORDS_BYTES
    odd = words_of({"t": "a" + "é" * LONGEST_WORDS_BYTES}, paths_of(["t"]))
    assert len(odd.encode()) == LONGEST_WORDS_BYTES - 1


# Chunks


@given(
    st.text(st.sampled_from([*string.ascii_letters, " ", "\n", "é"]), max_size=400),
    st.integers(16, 100),
)
def test_chunks_have_at_most_their_size_and_together_all_the_words(text: str, size: int) -> None:
    chunks = chunk_by_size(size)(text)
    assert all(len(chunk) <= size for chunk in chunks)
    assert "".join("".join(chunks).split()) == "".join(text.split())


def test_chunks_end_between_words_where_they_can() -> None:
    chunks = chunk_by_size(16)("the quick brown fox jumps over it")
    assert chunks == ["the quick brown", "fox jumps over", "it"]


def test_a_word_longer_than_a_chunk_is_cut() -> None:
    assert chunk_by_size(16)("x" * 40) == ["x" * 16, "x" * 16, "x" * 8]


def test_chunks_are_parts_of_their_path() -> None:
    parts = parts_of({"t": "a|b||c"}, paths_of(["t"]), lambda text: text.split("|"))
    assert parts == (Part("t", "a"), Part("t", "b"), Part("t", "c"))


@pytest.mark.parametrize("returned", [[7], [None], [b"text"]])
def test_a_chunk_that_is_no_text_is_refused(returned: Any) -> None:
    def chunk(text: str) -> Sequence[str]:
        return returned  # type: ignore[no-any-return]

    with pytest.raises(InvalidValueError, match="chunk returned"):
        parts_of({"t": "a"}, paths_of(["t"]), chunk)


# What a put is found by


def an_index(**options: Any) -> Any:
    index = search_index({"dims": 2, "embed": lambda _: [], "fields": ["text"], **options})
    assert index is not None
    return index


def test_the_content_of_a_vector_index_is_parts() -> None:
    content = content_of(b'{"text": "a"}', None, an_index())
    assert (content.parts, content.words, content.paths) == ((Part("text", "a"),), None, None)


def test_the_content_of_a_hybrid_index_is_parts_and_words() -> None:
    content = content_of(b'{"text": "a"}', None, an_index(mode="hybrid"))
    assert (content.parts, content.words) == ((Part("text", "a"),), "a")


def test_the_content_of_a_text_index_is_words() -> None:
    content = content_of(b'{"text": "a"}', None, search_index({"fields": ["text"]}))  # type: ignore[arg-type]
    assert (content.parts, content.words) == ((), "a")


@pytest.mark.parametrize("chosen", [False, [], ()])
def test_the_content_of_what_is_not_to_be_found_is_empty(chosen: Any) -> None:
    content = content_of(b'{"text": "a"}', chosen, an_index(mode="hybrid"))
    assert (content.parts, content.words, content.paths) == ((), None, ())


def test_a_put_may_choose_its_paths() -> None:
    content = content_of(b'{"text": "a", "b": "c"}', ["b"], an_index())
    assert content.parts == (Part("b", "c"),)
    assert content.paths == paths_of(["b"])


@pytest.mark.parametrize("chosen", [True, "text", 7, {"text"}, [7], [""]])
def test_what_chooses_no_paths_is_refused(chosen: Any) -> None:
    with pytest.raises(InvalidOperationError):
        content_of(b"{}", chosen, an_index())


def a_put(index: Any, chosen: Any = None) -> Put:
    value = b'{"text": "a", "b": "c"}'
    content = None if index is None else content_of(value, chosen, index)
    return Put(("u", "n", "k"), "n", value, None, content)


def in_context(index: SearchIndex) -> SqlContext:
    return SqlContext(Tables("agentstore"), index=index)


def test_a_put_planned_for_this_index_keeps_its_content() -> None:
    index = an_index()
    put = a_put(index)
    assert content_for(put, in_context(index)) is put.content


@pytest.mark.parametrize(
    ("chosen", "found"), [(None, ("c",)), (False, ()), (["text"], ("a",))], ids=str
)
def test_a_put_planned_for_another_index_is_planned_anew_as_it_was_chosen(
    chosen: Any, found: tuple[str, ...]
) -> None:
    content = content_for(a_put(an_index(), chosen), in_context(an_index(fields=["b"])))
    assert tuple(part.text for part in content.parts) == found


def test_a_put_planned_without_an_index_gets_the_fields_of_this_one() -> None:
    assert content_for(a_put(None), in_context(an_index(fields=["b"]))).parts == (Part("b", "c"),)

"""The vector measurements' data, arithmetic and goals; no server."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.results import Goal
from benchmarks.vectors.options import parse_options
from benchmarks.vectors.quality import Quality, Searched, markdown, quality_of
from benchmarks.vectors.samples import SHARES, Mixture, Tenant, VectorTable
from benchmarks.vectors.searches import goal_of, raced
from benchmarks.vectors.stores import Answer, Lookup, Question, Searcher

FULL = VectorTable(384, 200_000)
LARGE, LARGEST = Tenant("tenant-5000", 5_000), Tenant("tenant-100000", 100_000)
NEAREST = np.array([0.1, 0.2, 0.3, np.inf])
ROW = Searched("search", "a row", "ms", (1.0, 2.0), (4.0, 4.0), "official", Goal(2))


def test_the_sizes_of_all_tenants_add_up_to_the_rows() -> None:
    for table in (FULL, VectorTable(64, 2_000), VectorTable(1536, 40_000)):
        assert sum(tenant.size for tenant in table.tenants) == table.rows
        assert len({tenant.name for tenant in table.tenants}) == len(table.tenants)


def test_a_small_table_has_no_tenant_that_fills_it() -> None:
    assert [tenant.size for tenant in VectorTable(64, 2_000).measured] == [1, 10, 100, 1_000]
    assert FULL.measured[-1].size == 100_000


def test_a_tenant_has_the_same_vectors_whatever_else_was_drawn() -> None:
    tenant, mixture = Tenant("tenant-10", 10), Mixture(64)
    mixture.sample(Tenant("another", 50))
    assert np.array_equal(mixture.sample(tenant).vectors, Mixture(64).sample(tenant).vectors)


def test_vectors_and_queries_have_length_one() -> None:
    mixture = Mixture(64)
    sample = mixture.sample(Tenant("tenant-100", 100))
    queries = mixture.queries(sample, 7)
    assert sample.vectors.shape == (100, 64)
    assert queries.shape == (7, 64)
    for vectors in (sample.vectors, queries):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectors_lie_near_a_surface_of_few_dimensions() -> None:
    vectors = Mixture(384).sample(Tenant("tenant-2000", 2_000)).vectors
    shares = np.linalg.svd(vectors, compute_uv=False) ** 2
    assert shares[:28].sum() / shares.sum() > 0.95


def test_fields_are_true_of_about_their_share_of_the_items() -> None:
    flags = Mixture(64).sample(Tenant("tenant-20000", 20_000)).flags
    for name, share in SHARES.items():
        assert flags[name].mean() == pytest.approx(share, rel=0.25)


def test_what_does_not_match_is_infinitely_far() -> None:
    sample = Mixture(64).sample(Tenant("tenant-100", 100))
    distances = sample.distances(sample.vectors[0], "half")
    assert np.array_equal(np.isfinite(distances), sample.flags["half"])


def test_an_answer_may_be_complete_and_miss_the_nearest() -> None:
    assert quality_of([[2, 1]], [NEAREST], 2) == Quality(complete=1.0, recall=0.5)


def test_no_more_is_wanted_than_matches() -> None:
    assert quality_of([[0, 1, 2]], [NEAREST], 10) == Quality(1.0, 1.0)
    assert quality_of([[]], [np.full(4, np.inf)], 10) == Quality(1.0, 1.0)


def test_what_does_not_match_or_comes_twice_does_not_count() -> None:
    assert quality_of([[0, 0, 3]], [NEAREST], 3) == Quality(1 / 3, 1 / 3)


def test_of_equally_near_items_any_will_do() -> None:
    assert quality_of([[1]], [np.array([0.5, 0.500001])], 1).recall == 1.0


def test_a_goal_is_met_by_right_answers_only() -> None:
    assert ROW.met
    assert replace(ROW, our_quality=Quality(1.0, 0.9)).met is False
    assert replace(ROW, our_quality=Quality(0.95, 1.0)).met is False
    assert replace(ROW, goal=Goal()).met is None


def test_where_the_official_store_leaves_rows_out_milliseconds_are_the_goal() -> None:
    assert goal_of(FULL, LARGE, None, Quality(1.0, 0.9)) == Goal(1)
    assert goal_of(FULL, LARGE, None, Quality(0.5, 0.1)) == Goal(ours_at_most=15)
    assert goal_of(VectorTable(64, 200_000), LARGE, None, Quality(0.5, 0.1)) == Goal()


def test_the_largest_tenant_has_a_goal_of_its_own_unless_it_is_filtered() -> None:
    assert goal_of(FULL, LARGEST, None, Quality(1.0, 1.0)) == Goal(3)
    assert goal_of(FULL, LARGEST, "rare", Quality(1.0, 1.0)) == Goal(1)


def test_the_table_names_what_is_missed() -> None:
    lines = markdown([ROW, replace(ROW, goal=Goal(9))]).splitlines()
    assert len(lines) == 4
    assert "missed" not in lines[2]
    assert "missed" in lines[3]


def test_the_text_of_a_query_is_new_each_time_and_finds_its_vector() -> None:
    question = Question(("users", "a"), "a 1")
    first, second = (question.arguments()["query"] for _ in range(2))
    assert first != second
    assert Lookup({"a 1": [1.0]}).embed_documents([first, second]) == [[1.0], [1.0]]


def test_a_race_is_run_against_the_quickest_way() -> None:
    def searcher(label: str, ms: float) -> Searcher:
        return Searcher(label, lambda questions: [Answer((label,), ms) for _ in questions])

    rivals = [searcher("slow", 30.0), searcher("quick", 20.0)]
    run = raced(searcher("ours", 10.0), rivals, [Question(("a",), "x")], rounds=2, seconds=0.1)
    assert (run.rival, run.ours, run.theirs) == ("quick", (10.0, 10.0), (20.0, 20.0))
    assert run.their_answers[0].keys == ("quick",)


def test_fewer_rows_of_many_dimensions_are_filled() -> None:
    options = parse_options(["--dims", "1536", "64"])
    assert options.table(1536).rows == 40_000
    assert options.small_table(64).rows == 20_000

"""What the soak believes, and how it notices what is lost, told twice or grown."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from langgraph_agentstore.errors import StoreTimeoutError, StoreUnavailableError
from tests.soak import beliefs
from tests.soak.beliefs import Believed, Fate, Numbered, check_owner, check_total, fate_of
from tests.soak.chaos import schedule
from tests.soak.samples import Sample, growth
from tests.soak.watch_worker import KEYS, check_watch


def test_what_was_acknowledged_must_be_found() -> None:
    cell = Believed()
    cell.note(1, Fate.DONE)
    cell.note(2, Fate.UNDONE)
    cell.check(1)
    with pytest.raises(AssertionError, match="found None"):
        cell.check(None)


def test_what_is_in_doubt_may_be_found_or_not_but_does_not_change_its_mind() -> None:
    cell = Believed()
    cell.note(1, Fate.DONE)
    cell.note(2, Fate.DOUBTFUL)
    assert not cell.is_certain
    cell.check(2)
    with pytest.raises(AssertionError):
        cell.check(1)


def test_what_timed_out_may_come_after_a_later_write() -> None:
    cell = Believed()
    cell.note(1, Fate.LATE)
    cell.note(2, Fate.DONE)
    cell.check(2)
    cell.check(1)


def test_what_timed_out_has_come_or_never_comes_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beliefs, "LATE_S", 0.0)
    cell = Believed()
    cell.note(1, Fate.LATE)
    cell.note(2, Fate.DONE)
    assert not cell.is_certain
    cell.check(2)
    assert cell.is_certain
    with pytest.raises(AssertionError, match="found 1"):
        cell.check(1)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (None, Fate.DONE),
        (StoreUnavailableError("", written=False), Fate.UNDONE),
        (StoreUnavailableError("", written=None), Fate.DOUBTFUL),
        (StoreTimeoutError("", written=None), Fate.LATE),
    ],
)
def test_an_error_says_what_became_of_a_write(error: Exception | None, fate: Fate) -> None:
    assert fate_of(error) is fate


@pytest.mark.parametrize(
    ("found", "says"),
    [([0, 2], "lost: .1"), ([0, 1, 2, 2], "twice: .2"), ([0, 1, 2, 4], "not written: .4")],
)
def test_numbers_lost_found_twice_or_never_written_are_noticed(found: list[int], says: str) -> None:
    numbered = Numbered(5, undone=[4], doubtful=[3])
    numbered.check([0, 1, 2])
    numbered.check([0, 1, 2, 3])
    with pytest.raises(AssertionError, match=says):
        numbered.check(found)


@pytest.mark.parametrize("found", [3, 6])
def test_a_sum_that_lost_one_or_counted_one_twice_is_noticed(found: int) -> None:
    counts = [Numbered(3, undone=[0]), Numbered(3, doubtful=[1])]
    check_total(4, counts)
    check_total(5, counts)
    with pytest.raises(AssertionError):
        check_total(found, counts)


def test_a_mark_of_somebody_else_is_found_however_deep() -> None:
    check_owner("ann", [{"of": "ann", "in": ({"of": "ann"},)}])
    with pytest.raises(AssertionError, match="ann was shown what is bob's"):
        check_owner("ann", [{"of": "ann", "in": ({"of": "bob"},)}])


@pytest.mark.parametrize(
    ("heard", "says"),
    [
        ({"skipped": [3, 4], "late": [], "next": [7, 8, 9, 10, 11, 5, 6]}, "missed: .3"),
        ({"skipped": [], "late": [], "next": [7, 8, 9, 10, 11, 5, 6]}, "was told that was not"),
        ({"skipped": [4], "late": [0], "next": [7, 8, 9, 10, 11, 5, 6]}, "out of order"),
    ],
)
def test_a_change_missed_or_told_in_vain_is_noticed(heard: dict[str, Any], says: str) -> None:
    written = Numbered(5, undone=[4], doubtful=[2])
    nothing_wrong = {"skipped": [4], "late": [2], "next": [KEYS + n for n in range(5)] + [5, 6]}
    check_watch(written, nothing_wrong)
    with pytest.raises(AssertionError, match=says):
        check_watch(written, heard)


def test_a_seed_gives_the_same_schedule_again_with_deaths_and_freezes_of_the_server() -> None:
    mishaps = list(schedule(7, 600))
    assert mishaps == list(schedule(7, 600))
    times = [mishap.at_s for mishap in mishaps]
    assert times == sorted(times)
    assert times[-1] <= 595
    deaths = [mishap.at_s for mishap in mishaps if mishap.kind == "kill server"]
    assert len(deaths) >= 6
    assert all(60 <= later - earlier <= 110 for earlier, later in pairwise(deaths))


def test_growth_is_bytes_per_operation() -> None:
    samples = [Sample(n, 100 * n, 10**8 + 1600 * n, 0) for n in range(50)]
    assert growth(samples, "rss") == pytest.approx(16)
    assert growth(samples, "traced") == 0

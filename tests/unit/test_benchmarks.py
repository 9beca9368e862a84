"""The measurements' own arithmetic, and what they fill the stores with; no server."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report
from benchmarks.data import key, large_and_small, mixed, records
from benchmarks.options import Options, parse_options
from benchmarks.plot import write_plot
from benchmarks.race import Contestant, calibrated, race
from benchmarks.results import Goal, Result, missed

PER_SECOND = Result("get", "a row", "/s", (300.0, 200.0, 900.0), (100.0, 100.0, 100.0), "official")
IN_MS = Result("list", "another", "ms", (1.0,), (20.0,), "official")


def test_more_per_second_is_better() -> None:
    assert PER_SECOND.ratios == (3.0, 2.0, 9.0)


def test_fewer_milliseconds_are_better() -> None:
    assert IN_MS.ratios == (20.0,)


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    assert PER_SECOND.ratio == 3.0


def test_rounds_that_differ_much_are_called_noisy() -> None:
    assert PER_SECOND.noisy
    assert not IN_MS.noisy


@pytest.mark.parametrize(("ratio", "met"), [(3, True), (3.1, False)])
def test_a_goal_is_a_least_ratio(ratio: float, met: bool) -> None:
    assert replace(PER_SECOND, goal=Goal(ratio)).met is met


def test_a_goal_can_bound_our_own_figure() -> None:
    alone = Result("memory", "walk", "MB", (40.0,))
    assert replace(alone, goal=Goal(ours_at_most=100)).met
    assert not replace(alone, goal=Goal(ours_at_most=30)).met
    assert alone.ratio is None


def test_different_answers_reach_no_goal() -> None:
    wrong = replace(PER_SECOND, goal=Goal(1), same=False)
    assert wrong.met is False
    assert missed([PER_SECOND, wrong]) == [wrong]


def test_a_row_without_a_goal_is_not_missed() -> None:
    assert PER_SECOND.met is None
    assert missed([PER_SECOND]) == []


class Clock:
    """Time passes only where a contestant works."""

    def __init__(self) -> None:
        self.now = 0.0

    def contestant(self, seconds_a_step: float) -> Contestant:
        def run(steps: int) -> None:
            self.now += steps * seconds_a_step

        return Contestant(str(seconds_a_step), run)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("benchmarks.race.time.perf_counter", lambda: clock.now)
    return clock


def test_a_race_is_run_against_the_fastest_rival(clock: Clock) -> None:
    rivals = [clock.contestant(4), clock.contestant(2)]
    run = race(clock.contestant(1), rivals, Options(rounds=2, seconds=20))
    assert run.rival == "2"
    assert run.ours == (1, 1)
    assert run.theirs == (0.5, 0.5)


def test_a_round_lasts_as_long_as_was_asked_for(clock: Clock) -> None:
    assert calibrated(clock.contestant(0.001), 0.5) == 500
    assert calibrated(clock.contestant(3), 0.5) == 1


def test_every_item_has_another_time_and_the_keys_of_its_namespace() -> None:
    dataset = mixed(4, 3)
    made = list(records(dataset))
    assert len(made) == dataset.count == 12
    assert len({record.at for record in made}) == 12
    first = dataset.spaces[0].namespace
    assert [r.key for r in made if r.namespace == first] == [key(0), key(1), key(2)]


def test_half_of_the_mixed_namespaces_are_users() -> None:
    spaces = mixed(100, 1).spaces
    assert sum(space.namespace[0] == "users" for space in spaces) == 50
    assert len({space.namespace for space in spaces}) == 100


def test_the_small_namespace_stays_small() -> None:
    assert [space.count for space in large_and_small(60, 5).spaces] == [60, 5]


def test_the_table_shows_figures_ratio_and_verdict() -> None:
    output = io.StringIO()
    rows = [replace(PER_SECOND, goal=Goal(2)), replace(IN_MS, same=False)]
    Console(file=output, width=130).print(report.table(rows))
    shown = output.getvalue()
    assert "300/s" in shown
    assert "3.00×" in shown
    assert "met" in shown
    assert "other answers" in shown


def test_load_noise_and_missed_goals_are_warned_of() -> None:
    rows = [replace(PER_SECOND, goal=Goal(5))]
    warned = " ".join(report.warnings(rows, load_before=100.0))
    assert "the load was 100" in warned
    assert "differ much: a row" in warned
    assert "a row: goal missed" in warned


def test_json_and_picture_are_written(tmp_path: Path) -> None:
    report.write_json(tmp_path / "new" / "a.json", [PER_SECOND], {"python": "3"})
    write_plot(tmp_path / "a.png", [PER_SECOND, IN_MS])
    written = json.loads((tmp_path / "new" / "a.json").read_text())
    assert written["rows"][0]["ratio"] == 3.0
    assert written["conditions"] == {"python": "3"}
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_quick_run_takes_fewer_and_shorter_rounds() -> None:
    quick, usual = parse_options(["--quick"], ["get"]), parse_options([], ["get"])
    assert (quick.rounds, quick.seconds) < (usual.rounds, usual.seconds)
    assert parse_options(["--rows", "get", "--rounds", "5"], ["get", "put"]).rows == ("get",)


def test_unknown_rows_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--rows", "fly"], ["get", "put"])
    assert "get" in capsys.readouterr().err

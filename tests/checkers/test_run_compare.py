from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.run_compare import compare_runs
from harness.checkers.run_seen import ExperimentSeen, RunSeen, run_seen
from harness.errors import JournalError
from harness.model.events import RunStarted
from harness.model.matrix import Cell, CellVerdict, Kind
from harness.model.run_compared import Turn
from harness.model.verdict import Verdict
from tests.report import journals

HEADER = RunStarted(
    run="r", system="s", wall="2026-01-01T00:00:00+00:00", seed=1, command="harness run", harness="0", python="3",
    tools={}, owners={}, edges=(), journeys=(),
)  # fmt: skip
CELL = Cell(journey="browse", edge="a->b", kind=Kind.REFUSED)


def run(verdict: Verdict = Verdict.PASS, *, trials: int = 1, flaky: bool = False) -> RunSeen:
    result = CellVerdict(cell=CELL, verdict=verdict, reason="", trials=trials, flaky=flaky)
    return RunSeen(header=HEADER, verdict=verdict, cells={str(CELL): result}, experiments={}, findings={})


def bad(bad_ones: int, total: int, *verdicts: Verdict) -> RunSeen:
    seen = ExperimentSeen(verdicts=verdicts or (Verdict.PASS,), recoveries_s=(2.0,), bad={"browse": (bad_ones, total)})
    return RunSeen(header=HEADER, verdict=Verdict.PASS, cells={}, experiments={"down": seen}, findings={})


OTHER = replace(run(), cells={}, findings={("pacts", "p"): Verdict.PASS})


@pytest.mark.parametrize(
    ("before", "after", "turn", "whole"),
    [
        (run(), run(), Turn.ALIKE, Verdict.PASS),
        (run(), run(Verdict.FAIL, trials=3), Turn.WORSE, Verdict.FAIL),
        (run(Verdict.FAIL), run(), Turn.BETTER, Verdict.PASS),
        (run(), run(Verdict.UNKNOWN), Turn.UNTOLD, Verdict.UNKNOWN),
        (run(), run(Verdict.FAIL, trials=3, flaky=True), Turn.UNTOLD, Verdict.UNKNOWN),
        (run(), OTHER, Turn.GONE, Verdict.UNKNOWN),
        (OTHER, run(), Turn.NEW, Verdict.UNKNOWN),
        (OTHER, run(Verdict.FAIL), Turn.UNTOLD, Verdict.UNKNOWN),
    ],
)
def test_a_cell_turns_as_its_verdicts_do(before: RunSeen, after: RunSeen, turn: Turn, whole: Verdict) -> None:
    found = compare_runs(before, after)
    assert (turn, whole) == (found.changes[0].turn, found.verdict)


def test_how_often_a_verdict_was_seen_is_told() -> None:
    found = compare_runs(run(), run(Verdict.FAIL, trials=3))
    assert found.changes[0].certainty == "A once, B 3 of 3 trials"


@pytest.mark.parametrize(
    ("before", "after", "turn"),
    [
        ((0, 500), (100, 500), Turn.WORSE),
        ((100, 500), (0, 500), Turn.BETTER),
        ((0, 5_000), (100, 5_000), Turn.WITHIN),
        ((0, 500), (1, 500), Turn.ALIKE),
        ((0, 5), (1, 5), Turn.ALIKE),
    ],
)
def test_a_share_of_bad_answers_is_worse_only_beyond_chance_and_what_is_allowed(
    before: tuple[int, int], after: tuple[int, int], turn: Turn
) -> None:
    changes = compare_runs(bad(*before), bad(*after)).changes
    assert [turn] == [each.turn for each in changes if each.kind == "bad answers"]


def test_an_experiment_whose_repeats_disagree_is_not_called_worse() -> None:
    found = compare_runs(bad(0, 10), bad(0, 10, Verdict.PASS, Verdict.FAIL))
    assert found.changes[0].turn is Turn.UNTOLD
    assert "B 1 of 2 times" in found.changes[0].certainty


def test_runs_of_two_systems_are_not_compared() -> None:
    found = compare_runs(run(), replace(run(Verdict.FAIL), header=replace(HEADER, system="other")))
    assert found.verdict is Verdict.UNKNOWN
    assert "'other'" in found.trouble[0]


def test_of_a_journal_probes_are_left_out_and_bad_journeys_under_the_fault_are_counted() -> None:
    seen = run_seen(journals.failing())
    assert "placebo" not in seen.experiments
    assert seen.experiments["recommendations gone"].verdicts == (Verdict.FAIL,)
    share, total = seen.experiments["recommendations gone"].bad["browse"]
    assert 0.1 < share / total < 0.3
    assert seen.findings["fuzz", "fuzz POST /quotes"] is Verdict.FAIL


def test_a_run_against_its_failing_successor_is_worse_and_not_the_other_way_round() -> None:
    clean, failing = run_seen(journals.clean()), run_seen(journals.failing())
    assert compare_runs(clean, failing).verdict is Verdict.FAIL
    assert compare_runs(failing, clean).count(Turn.WORSE) == 0
    assert compare_runs(clean, clean).verdict is Verdict.PASS


def test_what_has_no_beginning_is_no_run() -> None:
    with pytest.raises(JournalError):
        run_seen(journals.clean()[1:])

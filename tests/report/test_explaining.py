"""A red cell or finding is explained from the journal alone, and nothing is dressed as a fact that is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import HarnessError
from harness.model.events import CellShrunk, Event, FindingMade, MatrixCellEnded, MatrixEnded, RunStarted
from harness.model.finding import Finding, Part
from harness.model.matrix import KINDS, Cell, CellFinding, CellVerdict, Kind, Outlook, Rule, Whose
from harness.model.shrunk import Shrunk
from harness.model.verdict import Verdict
from harness.report import advice
from harness.report.advice import of_cell
from harness.report.explaining import explain

CELL = Cell(journey="checkout", edge="orders->payments", kind=Kind.BLACK_HOLE)
NAME = "checkout, orders->payments black-hole"
RED = CellVerdict(
    cell=CELL,
    verdict=Verdict.FAIL,
    reason="POST /orders → 500 in 900 ms: 500 where 503 is meant",
    findings=(
        CellFinding(
            rule=Rule.ERROR, verdict=Verdict.FAIL, reason="a 500", evidence=("POST /orders → 500; body {\x1b[31m}",)
        ),
        CellFinding(rule=Rule.STATE, verdict=Verdict.FAIL, reason="the state changed", evidence=("orders: 3 → 4",)),
    ),
    crossings=2,
    samples=4,
    trials=2,
    recovered_s=0.0,
    proxy=("asked for the fault: silent", "asked to take it back: answered"),
    replay="harness chaos matrix --journey checkout",
)
FINDING = Finding(
    check="matrix server-error",
    part=Part.MATRIX,
    verdict=Verdict.FAIL,
    reason=RED.reason,
    subject=NAME,
    edge=CELL.edge,
    service="orders",
    owner="fulfilment",
    inferred=True,
)
OF_EXPERIMENT = Finding(
    check="availability",
    part=Part.RESILIENCE,
    verdict=Verdict.FAIL,
    reason="30 % bad",
    subject="checkout",
    experiment="payments-killed",
    evidence=("POST /orders → 500",),
    replay="harness chaos run payments-killed",
)


def journal(*more: Event, result: CellVerdict = RED) -> tuple[Event, ...]:
    started = RunStarted(
        run="run-1",
        system="shop",
        wall="2026-11-21T10:00:00+00:00",
        seed=1,
        command="harness chaos matrix",
        harness="1",
        python="3",
        tools={},
        owners={},
        edges=(),
        journeys=(),
    )
    cell, its_finding = MatrixCellEnded(t=1.0, result=result), FindingMade(t=1.0, finding=FINDING)
    return (started, cell, its_finding, FindingMade(t=2.0, finding=OF_EXPERIMENT), *more)


def test_a_red_cell_has_cause_evidence_mend_and_replay() -> None:
    text = "\n".join(explain(journal(), "checkout, orders → payments black-hole"))

    assert text.startswith(f"✕ FAIL {NAME}\n  of the run run-1 of shop, 2026-11-21\n  {RED.reason}")
    assert "inferred, since no span tells: only orders → payments was broken" in text
    assert "owner: fulfilment" in text
    assert "server-error: POST /orders → 500; body {\\x1b[31m}" in text
    assert "state-changed: orders: 3 → 4" in text
    assert "asked for the fault: silent" in text
    assert "Let orders catch every error of the call, answer 503 with Retry-After" in text
    assert "idempotency key" in text
    assert text.endswith("To see it again\n  harness chaos matrix --journey checkout")


def test_spans_tell_the_cause_where_there_are_any() -> None:
    whose = Whose(service="orders", edge="orders->payments", reason="orders gave up on payments after 5.0 s")
    text = "\n".join(explain(journal(result=replace(RED, whose=whose)), NAME))

    assert "orders gave up on payments after 5.0 s (by spans)" in text
    assert "inferred" not in text


def test_what_it_was_shrunk_to_and_what_excuses_it_is_told() -> None:
    shrunk = Shrunk(cell=CELL, sentence="checkout breaks when it lasts for 200 ms", reproduction="repro/test_x.py")
    excused = replace(RED, excused="accepted by payments until 2027-01-31: a new bank")
    text = "\n".join(explain(journal(CellShrunk(t=3.0, shrunk=shrunk), result=excused), NAME))

    assert "checkout breaks when it lasts for 200 ms\n  repro/test_x.py" in text
    assert "~ accepted by payments until 2027-01-31: a new bank" in text


def test_a_cell_that_could_not_be_told_gets_no_cause() -> None:
    doubt = CellFinding(rule=Rule.NOT_CROSSED, verdict=Verdict.UNKNOWN, reason="not crossed")
    unknown = replace(RED, verdict=Verdict.UNKNOWN, reason="not crossed", findings=(doubt,))
    text = "\n".join(explain(journal(result=unknown), NAME))

    assert "not known: nothing could be said of this cell" in text
    assert "Nothing to mend yet" in text


def test_a_finding_of_an_experiment_is_explained_by_experiment_check_and_subject() -> None:
    text = "\n".join(explain(journal(), "payments-killed  availability checkout"))

    assert "✕ FAIL payments-killed availability checkout" in text
    assert "not known: no service or edge is named by what was found" in text
    assert "POST /orders → 500" in text
    assert text.endswith("harness chaos run payments-killed")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checkout, orders->payment black-hole", f"near to it: {NAME}"),
        ("payments-kiled availability checkout", "near to it: payments-killed availability checkout"),
        ("zzz", "nothing in that run is called 'zzz'"),
    ],
)
def test_an_unknown_name_is_answered_with_those_near_to_it(name: str, said: str) -> None:
    with pytest.raises(HarnessError) as refused:
        explain(journal(), name)
    assert said in str(refused.value)


def test_a_cell_that_there_was_no_time_for_is_told_so() -> None:
    late = Cell(journey="browse", edge="web->ads", kind=Kind.RESET)
    ended = MatrixEnded(t=9.0, outlook=Outlook(untested=(late,)))
    with pytest.raises(HarnessError, match="was not tested in that run"):
        explain(journal(ended), str(late))


def test_there_is_advice_for_every_rule_that_a_cell_of_the_matrix_can_break_and_for_every_kind() -> None:
    of_matrix = {*Rule} - {Rule.CLASS, Rule.PACT, Rule.NOT_TRIED, Rule.PLACEBO, Rule.HARNESS, Rule.SHADOWED}
    for rule in of_matrix:
        validity = rule in {Rule.NOT_CROSSED, Rule.NOT_IN_FORCE, Rule.UNCLEAN, Rule.FLAKY, Rule.PROXY}
        verdict = Verdict.UNKNOWN if validity else Verdict.FAIL
        for kind in KINDS:
            found = CellFinding(rule=rule, verdict=verdict, reason="")
            cell = replace(CELL, kind=kind)
            told = list(of_cell(CellVerdict(cell=cell, verdict=verdict, reason="", findings=(found,))))
            assert told, rule
            assert not any("{" in each for each in told)


def test_nothing_is_advised_where_nothing_is_wrong() -> None:
    assert list(of_cell(CellVerdict(cell=CELL, verdict=Verdict.PASS, reason="usable"))) == []
    unknown = replace(OF_EXPERIMENT, verdict=Verdict.UNKNOWN)
    assert "Nothing to mend yet" in next(advice.of_finding(unknown))

"""What is red and accepted, or known, does not make a run red; what is new, or whose waiver expired, does."""

from __future__ import annotations

import datetime as dt

from harness.checkers.excuses import Excuses, earlier_of
from harness.engine.concluding import conclusion
from harness.model.finding import Finding, Part
from harness.model.matrix import Cell, CellFinding, CellVerdict, Kind, Rule
from harness.model.verdict import Verdict
from harness.model.waiver import Waiver

TODAY = dt.date(2026, 11, 21)
CELL = Cell(journey="checkout", edge="orders->payments", kind=Kind.REFUSED)
NAME = "checkout, orders->payments refused"


def result(rule: Rule | None = Rule.HANG, verdict: Verdict = Verdict.FAIL, cell: Cell = CELL) -> CellVerdict:
    found = (CellFinding(rule=rule, verdict=verdict, reason="it hangs"),) if rule else ()
    return CellVerdict(cell=cell, verdict=verdict if rule else Verdict.PASS, reason="it hangs", findings=found)


def finding(verdict: Verdict = Verdict.FAIL, part: Part = Part.RESILIENCE, name: str = "killed") -> Finding:
    return Finding(
        check="availability", part=part, verdict=verdict, reason="5 % bad", subject="checkout", experiment=name
    )


def of_cell(excuses: Excuses, one: CellVerdict) -> Finding:
    """The finding of a cell, once the cell itself was told."""
    told = excuses.of_cell(one)
    made = Finding(check="matrix", part=Part.MATRIX, verdict=one.verdict, reason=one.reason, subject=str(one.cell))
    found = excuses.of_finding(made)
    assert (found.excused, found.reason) == (told.excused, told.reason)
    return found


def waiver(until: dt.date = TODAY, **what: str) -> Waiver:
    return Waiver.model_validate({"owner": "payments", "why": "a new bank", "until": until, **(what or {"cell": NAME})})


def test_an_accepted_cell_does_not_make_the_run_red_and_is_still_told_as_red() -> None:
    excuses = Excuses(waivers=(waiver(cell="checkout,  orders → payments   refused"),), today=TODAY)
    found = of_cell(excuses, result())

    assert found.verdict is Verdict.FAIL
    assert found.excused == "accepted by payments until 2026-11-21: a new bank"
    assert conclusion([found]) == (Verdict.PASS, "all 0 findings hold; 1 red ones are accepted or known")
    assert conclusion([found, finding()])[0] is Verdict.FAIL


def test_the_day_itself_still_holds_and_the_next_does_not() -> None:
    late = Excuses(waivers=(waiver(),), today=TODAY + dt.timedelta(days=1))
    found = of_cell(late, result())

    assert found.excused == ""
    assert found.reason == "it hangs; the waiver of payments expired on 2026-11-21"
    assert conclusion([found])[0] is Verdict.FAIL


def test_a_waiver_is_of_one_cell_only() -> None:
    excuses = Excuses(waivers=(waiver(),), today=TODAY)
    other = Cell(journey="checkout", edge="orders->payments", kind=Kind.RESET)

    assert of_cell(excuses, result(cell=other)).excused == ""


def test_what_nobody_needs_any_more_is_told() -> None:
    excuses = Excuses(waivers=(waiver(), waiver(finding="killed availability checkout")), today=TODAY)
    mended = excuses.of_cell(result(rule=None))

    assert mended.excused == ""
    assert [*excuses.left_over([finding(Verdict.PASS)], [mended])] == [
        f"the waiver of payments for '{NAME}' is no longer needed: it holds",
        "the waiver of payments for 'killed availability checkout' is no longer needed: it holds",
    ]
    assert [*excuses.left_over([finding()], [])] == [], "what was not tried says nothing"


def test_a_finding_of_an_experiment_can_be_accepted_and_that_it_was_not_valid_can_not() -> None:
    excuses = Excuses(waivers=(waiver(finding="killed availability checkout"),), today=TODAY)

    assert excuses.of_finding(finding()).excused
    assert not excuses.of_finding(finding(name="paused")).excused
    assert not excuses.of_finding(finding(part=Part.VALIDITY)).excused


def test_against_an_earlier_run_only_what_is_new_is_red() -> None:
    tried = Cell(journey="browse", edge="web->ads", kind=Kind.RESET)
    before = earlier_of("monday", [finding()], [result(), result(rule=None, cell=tried)])
    excuses = Excuses(today=TODAY, earlier=before)

    assert of_cell(excuses, result()).excused == "known from run monday"
    assert excuses.of_finding(finding()).excused == "known from run monday"
    worse = of_cell(excuses, result(rule=Rule.STATE))
    assert (worse.excused, worse.reason) == ("", "it hangs; new since run monday: state-changed (it was hang)")
    broke = of_cell(excuses, result(cell=tried))
    assert (broke.excused, broke.reason) == ("", "it hangs")
    unseen = of_cell(excuses, result(cell=Cell(journey="browse", edge="web->ads", kind=Kind.REFUSED)))
    assert (unseen.excused, unseen.reason) == ("", "it hangs; run monday did not try it")


def test_what_was_unknown_is_known_as_that_only() -> None:
    doubt = result(rule=Rule.NOT_CROSSED, verdict=Verdict.UNKNOWN)
    excuses = Excuses(today=TODAY, earlier=earlier_of("monday", [], [doubt]))

    assert of_cell(excuses, doubt).excused
    assert not of_cell(excuses, result()).excused
    red = Excuses(today=TODAY, earlier=earlier_of("monday", [], [result()]))
    assert of_cell(red, doubt).excused, "it is not worse than it was"


def test_what_got_better_is_told() -> None:
    excuses = Excuses(today=TODAY, earlier=earlier_of("monday", [finding()], [result()]))

    assert [*excuses.left_over([finding(Verdict.PASS)], [result(rule=None)])] == [
        f"better than in run monday: {NAME}",
        "better than in run monday: killed availability checkout",
    ]
    assert [*excuses.left_over([finding()], [result()])] == []


def test_of_nothing_nothing_is_concluded() -> None:
    assert conclusion([])[0] is Verdict.UNKNOWN

"""Hard or soft, by what the cells showed."""

from __future__ import annotations

from harness.checkers.proposals import propose, seen_soft
from harness.model.matrix import Cell, CellVerdict, FirstFault, Kind
from harness.model.system import Need
from harness.model.verdict import Verdict

EDGE = "web->ads"


def cell(
    kind: Kind, *, usable: bool | None, journey: str = "browse", edge: str = EDGE, first: FirstFault | None = None
) -> CellVerdict:
    verdict = Verdict.UNKNOWN if usable is None else Verdict.PASS
    answer = "200" if usable else "503"
    return CellVerdict(
        cell=Cell(journey=journey, edge=edge, kind=kind, first=first),
        verdict=verdict,
        reason="",
        usable=usable,
        answer=answer,
    )


def test_an_edge_without_which_a_journey_is_usable_looks_soft_and_says_what_is_to_mend() -> None:
    found = propose(EDGE, Need.HARD, [cell(Kind.REFUSED, usable=True), cell(Kind.TRUNCATE_HEAD, usable=False)])

    assert found.proposed is Need.SOFT
    assert found.differs
    assert "when refused" in found.why
    assert "not yet when truncate-head" in found.why


def test_an_edge_without_which_some_journey_never_goes_on_looks_hard() -> None:
    results = [cell(Kind.REFUSED, usable=True), cell(Kind.RESET, usable=False, journey="buy")]
    found = propose(EDGE, Need.HARD, results)

    assert found.proposed is Need.HARD
    assert "buy can't do without it: 503 when reset" in found.why
    assert "browse can" in found.why


def test_latency_that_was_waited_for_proves_nothing() -> None:
    assert propose(EDGE, Need.SOFT, [cell(Kind.LATENCY, usable=True)]).proposed is None
    assert not seen_soft([cell(Kind.LATENCY, usable=True)], "browse", EDGE)


def test_cells_that_nobody_could_judge_and_those_of_others_prove_nothing() -> None:
    others = [cell(Kind.RESET, usable=None), cell(Kind.RESET, usable=True, edge="web->stock")]

    assert propose(EDGE, Need.SOFT, others).proposed is None


def test_an_edge_that_is_crossed_under_a_first_fault_only_is_told_by_those_cells() -> None:
    first = FirstFault(edge="web->stock", kind=Kind.REFUSED)

    assert propose(EDGE, Need.SOFT, [cell(Kind.RESET, usable=False, first=first)]).proposed is Need.HARD

from __future__ import annotations

from dataclasses import replace

from harness.checkers.contract_cells import ContractTrial, Judged, Obliged, PactHeld, judge_contracts
from harness.checkers.differential import Due, Replay
from harness.checkers.trial import Crossed
from harness.model.fault import Armed, Healed, HealedBy
from harness.model.matrix import Cell, Kind, Rule
from harness.model.verdict import Verdict
from tests.checkers.test_differential import ASKED, FOUND, answer, problem

DUE = Due(deadline_s=1.0, documented=True, declared=frozenset({200, 404, 503}))
OBLIGED = Obliged(due={ASKED.operation: DUE}, recover_within_s=10.0)
CELL = Cell(journey="catalog", edge="catalog->postgres", kind=Kind.RESET)
ARMED = Armed(in_force=True, evidence="seen to bite", took_s=0.1)
GONE = Healed(verified=True, by=HealedBy.REMOVED, evidence="it answers", took_s=0.1)
AS_BEFORE = Replay(healthy=FOUND, exchange=answer())
REFUSED = Replay(healthy=FOUND, exchange=problem(503))
WRONG = Replay(healthy=FOUND, exchange=problem(404))
MET = Crossed(count=2, visits=1, usual=2.0)
GOOD = ContractTrial(
    cell=CELL, armed=ARMED, healed=GONE, replays=(REFUSED,), crossed=MET, recovered_s=0.0, replay="harness again"
)


def judged(trial: ContractTrial) -> Judged:
    return judge_contracts(trial, OBLIGED)


def rules(trial: ContractTrial) -> list[tuple[Verdict, Rule]]:
    return [(each.finding.verdict, each.finding.rule) for each in judged(trial).found]


def test_a_refusal_in_the_declared_way_passes_and_says_what_was_seen() -> None:
    result = judged(GOOD).result
    assert (result.verdict, result.usable, result.answer) == (Verdict.PASS, False, "503")
    assert "1 refused in the declared way" in result.reason


def test_what_is_wrong_is_told_by_operation_with_its_request_and_both_answers() -> None:
    (found,) = judged(replace(GOOD, replays=(WRONG, REFUSED))).found
    assert (found.operation, found.finding.rule, found.asked) == (ASKED.operation, Rule.CLASS, ASKED)
    assert "(in 1 of 2 requests)" in found.finding.reason
    assert "→ 200" in found.finding.evidence[0]
    assert "→ 404" in found.finding.evidence[1]


def test_an_edge_that_no_request_crossed_says_nothing() -> None:
    unmoved = replace(GOOD, replays=(AS_BEFORE,))
    assert rules(unmoved) == []
    not_crossed = [(Verdict.UNKNOWN, Rule.NOT_CROSSED)]
    assert rules(replace(unmoved, crossed=Crossed(count=0, usual=2.0))) == not_crossed
    assert rules(replace(unmoved, crossed=Crossed(count=None))) == not_crossed


def test_attempts_to_connect_again_are_no_crossing_of_the_requests() -> None:
    storm = replace(GOOD, replays=(AS_BEFORE,), crossed=Crossed(count=40, visits=1, usual=0.0))
    assert rules(storm) == [(Verdict.UNKNOWN, Rule.NOT_CROSSED)]


def test_a_refused_connection_is_not_counted_and_need_not_be() -> None:
    cell = replace(CELL, kind=Kind.REFUSED)
    assert rules(replace(GOOD, cell=cell, replays=(AS_BEFORE,), crossed=Crossed(count=0, usual=2.0))) == []
    assert rules(replace(GOOD, cell=cell, replays=(AS_BEFORE,), crossed=Crossed(count=0, usual=0.0))) != []


def test_what_was_seen_to_be_wrong_stands_though_nothing_was_counted() -> None:
    assert rules(replace(GOOD, replays=(WRONG,), crossed=Crossed(count=None))) == [(Verdict.FAIL, Rule.CLASS)]


def test_without_a_fault_in_force_or_seen_to_be_gone_nothing_is_judged() -> None:
    not_in_force = [(Verdict.UNKNOWN, Rule.NOT_IN_FORCE)]
    wrong = replace(GOOD, replays=(WRONG,))
    assert rules(replace(wrong, armed=None)) == not_in_force
    assert rules(replace(wrong, armed=replace(ARMED, in_force=False))) == not_in_force
    assert rules(replace(wrong, healed=None)) == not_in_force
    assert rules(replace(wrong, healed=replace(GONE, verified=False))) == not_in_force
    assert rules(replace(wrong, trouble="the relay is gone")) == [(Verdict.UNKNOWN, Rule.HARNESS)]
    assert rules(replace(wrong, trouble="the relay is gone", sick=("relay",))) == [(Verdict.UNKNOWN, Rule.PROXY)]
    assert rules(replace(wrong, replays=())) == [(Verdict.UNKNOWN, Rule.NOT_TRIED)]


def test_what_does_not_come_back_fails_and_so_does_what_dies() -> None:
    ill = replace(GOOD, ill=((REFUSED, "GET /things/1 → 503, and 200 before"),), recovered_s=None)
    assert rules(ill) == [(Verdict.FAIL, Rule.RECOVERY)]
    assert rules(replace(GOOD, deaths=("catalog-1 ended with 1",))) == [(Verdict.FAIL, Rule.DIED)]


def test_requests_for_which_there_was_no_time_make_it_unknown() -> None:
    assert rules(replace(GOOD, left_out=3)) == [(Verdict.UNKNOWN, Rule.NOT_TRIED)]


def test_an_interaction_of_a_pact_that_neither_holds_nor_is_refused_fails() -> None:
    good = PactHeld(subject="a → b: x", verdict=Verdict.PASS, reason="it holds")
    assert "1 interactions of pacts" in judged(replace(GOOD, pacts=(good,))).result.reason
    bad = replace(good, verdict=Verdict.FAIL, reason="503 without Retry-After")
    assert rules(replace(GOOD, pacts=(good, bad))) == [(Verdict.FAIL, Rule.PACT)]


def test_a_placebo_needs_no_crossing_and_fails_when_it_does_something() -> None:
    placebo = replace(GOOD, cell=Cell(journey="catalog", edge="", kind=Kind.PLACEBO), crossed=Crossed(count=0))
    assert rules(replace(placebo, replays=(AS_BEFORE,))) == []
    assert rules(replace(placebo, replays=(REFUSED,))) == [(Verdict.FAIL, Rule.PLACEBO)]

"""Others had the processors: what is about time is in doubt, what is about state is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from harness import checkers
from harness.checkers.company import FULL_S, LEAST_S, LONGER, STOOD, SUBJECT, TAKEN, crowd, crowded, full, told
from harness.faults import CrashLoop
from harness.model.experiment import Expectation, Role
from harness.model.finding import Finding
from harness.model.history import History, Nonconformity
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import AnswerClass, DistinctAnswer, FinalRead, Window, WindowKind
from harness.model.verdict import Verdict, worst
from tests.checkers.histories import (
    FAULT,
    Each,
    answer,
    answer_seconds,
    crossed,
    crossing_seconds,
    experiment,
    history,
    shop,
)
from tests.checkers.test_safety import ONCE, charge

ALONE = Company(window=WindowKind.FAULT, start=30.0, end=50.0, cores=2, others=0.03, stolen=0.0, idle=0.2)
FULL = replace(ALONE, full_s=FULL_S)
WARM_UP = Window(kind=WindowKind.WARM_UP, start=20.0, end=30.0)
BUSY = replace(ALONE, others=0.41, idle=0.02, who=("cc1plus",))
NEVER_WELL = {"browse": Each(ok=0, failed=10), "checkout": Each(ok=0, failed=10)}


def beside(found: History, *company: Company) -> History:
    return replace(found, company=company)


def by_check(found: Iterable[Finding]) -> dict[tuple[str, str], Finding]:
    return {(each.check, each.subject): each for each in found}


def refuted(found: History) -> set[str]:
    return {each.check for each in checkers.judge(found) if each.verdict is Verdict.FAIL}


def neighbours(found: History) -> Finding:
    return by_check(checkers.judge(found))["validity", SUBJECT]


def slow_recovery() -> History:
    return history(recovery=NEVER_WELL)


def isolated() -> History:
    question = experiment(expectations={"browse": Expectation.UNCHANGED, "checkout": Expectation.UNCHANGED})
    return history(question, fault={"browse": Each(latency_s=0.4), "checkout": Each(latency_s=0.4)})


@pytest.mark.parametrize(
    ("found", "check", "window"),
    [
        (slow_recovery(), "recovery", WindowKind.RECOVERY),
        (slow_recovery(), "recovery", WindowKind.FAULT),
        (slow_recovery(), "metastable", WindowKind.RECOVERY),
        (isolated(), "isolation", WindowKind.FAULT),
        (history(fault={"checkout": Each(ok=0, unknown=10)}), "availability", WindowKind.FAULT),
    ],
    ids=["recovery", "recovery, of what was left over", "metastable", "isolation", "availability"],
)
def test_what_is_about_time_is_red_alone_and_in_doubt_beside_others(
    found: History, check: str, window: WindowKind
) -> None:
    assert check in refuted(found)
    assert check in refuted(beside(found, replace(ALONE, window=window)))
    crowded_ = beside(found, replace(BUSY, window=window))
    assert check not in refuted(crowded_)
    doubted = next(
        each for each in checkers.judge(crowded_) if each.check == check and each.verdict is not Verdict.PASS
    )
    assert doubted.verdict is Verdict.UNKNOWN
    assert doubted.reason.startswith(
        f"others had 41 % of this machine's 2 processors (mostly cc1plus), 2 % were idle in the window {window.value}, "
        "so this may be their doing: stop what else runs here and run it again, or give --neighbours judge"
    )
    assert "; it would be FAIL: " in doubted.reason


def test_processors_that_stand_still_are_as_bad_as_others() -> None:
    """A hypervisor that takes their time without telling is in no share of others."""
    still = replace(ALONE, stood=STOOD)
    assert crowded(still)
    assert not crowded(replace(ALONE, stood=STOOD - 0.01))
    assert told(replace(ALONE, stood=0.6)) == (
        "others had 3 % of this machine's 2 processors, 20 % were idle, in some seconds they stood still for 60 %"
    )
    assert "still" not in told(replace(ALONE, stood=0.1))
    assert "isolation" in refuted(beside(isolated(), ALONE))
    assert "isolation" not in refuted(beside(isolated(), still))
    judging = replace(beside(isolated(), still), neighbours=Neighbours.JUDGE)
    assert "isolation" not in refuted(judging), "nobody who runs something beside says that of a host"
    assert neighbours(judging).reason.endswith("run it again when the host has time for this machine")


def test_another_window_than_the_one_it_is_about_excuses_nothing() -> None:
    assert "isolation" in refuted(beside(isolated(), replace(BUSY, window=WindowKind.RECOVERY)))
    assert "isolation" in refuted(beside(isolated(), replace(BUSY, window=WindowKind.REST)))
    halved = refuted(beside(slow_recovery(), replace(BUSY, window=WindowKind.HALF_LOAD)))
    assert halved >= {"recovery", "metastable"}


def test_whoever_says_so_judges_nonetheless() -> None:
    found = replace(beside(isolated(), BUSY), neighbours=Neighbours.JUDGE)
    assert "isolation" in refuted(found)
    assert neighbours(found).verdict is Verdict.PASS
    assert neighbours(found).reason.endswith("told, not judged, as --neighbours judge says")
    assert crowd(found, WindowKind) is None


def test_what_is_about_state_stays_refuted_beside_others() -> None:
    clean = history()
    dirty = replace(clean, answers=(*clean.answers, *answer_seconds(FAULT, "browse", AnswerClass.DIRTY)))
    wrong = answer("browse", AnswerClass.DIRTY)
    broken = Nonconformity(answer=wrong, service="gateway", problems=("undeclared 500",))
    charges = FinalRead(name="charges", t=80.0, rows=(charge("o1"), charge("o1")))
    found = replace(dirty, distinct=(wrong,), nonconformities=(broken,), invariants=(ONCE,), reads=(charges,))
    assert refuted(beside(found, BUSY)) == refuted(found) == {"answer-class", "conformance", "at-most-once"}
    assert refuted(beside(found, replace(ALONE, stood=0.9))) == refuted(found)


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        (0, "timed out", Verdict.UNKNOWN),
        (0, "Connection reset by peer", Verdict.FAIL),
        (500, "", Verdict.FAIL),
        (503, "", Verdict.FAIL),
        (200, "", Verdict.FAIL),
    ],
)
def test_of_dirty_answers_only_those_that_never_came_are_about_time(status: int, error: str, verdict: Verdict) -> None:
    clean = history()
    wrong: DistinctAnswer = answer("browse", AnswerClass.DIRTY, status=status, error=error)
    found = replace(
        clean, distinct=(wrong,), answers=(*clean.answers, *answer_seconds(FAULT, "browse", AnswerClass.DIRTY))
    )
    assert by_check(checkers.judge(beside(found, BUSY)))["answer-class", "browse"].verdict is verdict
    assert by_check(checkers.judge(found))["answer-class", "browse"].verdict is Verdict.FAIL


@pytest.mark.parametrize(("count", "verdict"), [(100, Verdict.FAIL), (99, Verdict.UNKNOWN)])
def test_journeys_that_failed_by_500_failed_whoever_was_beside(count: int, verdict: Verdict) -> None:
    bad = history(fault={"browse": Each(ok=0, failed=10)})  # 200 journeys
    crashing = replace(answer("browse", AnswerClass.DIRTY), count=count)
    waited = replace(answer("browse", AnswerClass.DIRTY, status=504), count=200)
    found = by_check(checkers.judge(beside(replace(bad, distinct=(crashing, waited)), BUSY)))
    assert found["availability", "browse"].verdict is verdict


def test_a_mark_that_is_missing_is_no_matter_of_time() -> None:
    question = experiment(expectations={"browse": Expectation.DEGRADED})
    assert "degraded" in refuted(beside(history(question), BUSY))


def test_more_degraded_answers_than_before_are() -> None:
    question = experiment(expectations={"browse": Expectation.UNCHANGED})
    found = history(question, fault={"browse": Each(ok=0, degraded=10)})
    assert "degraded" in refuted(beside(found, ALONE))
    assert "degraded" not in refuted(beside(found, BUSY))


def test_what_passes_passes_whoever_was_beside() -> None:
    found = checkers.judge(beside(history(), BUSY, replace(BUSY, window=WindowKind.RECOVERY)))
    assert worst(each.verdict for each in found) is Verdict.PASS
    assert neighbours(beside(history(), BUSY)).reason.endswith("nothing that is red is about time")


def test_the_cause_is_told_once_more_as_what_makes_it_no_proof() -> None:
    found = neighbours(beside(isolated(), ALONE, replace(BUSY, window=WindowKind.FAULT)))
    assert (found.verdict, found.subject) == (Verdict.UNKNOWN, "neighbours")
    assert "; 2 of the findings may be their doing: stop what else runs here" in found.reason
    assert found.evidence == (f"fault: {told(ALONE)}", f"fault: {told(BUSY)}")


def test_whoever_is_alone_is_told_so() -> None:
    found = neighbours(beside(history(), ALONE))
    assert found.verdict is Verdict.PASS
    assert found.reason.startswith("others had 3 % of this machine's 2 processors, 20 % were idle in the window fault;")


def test_without_a_look_nothing_is_said_or_changed() -> None:
    assert ("validity", SUBJECT) not in by_check(checkers.judge(isolated()))


def test_where_nobody_knows_whose_the_processes_are_nothing_is_doubted() -> None:
    unknown = replace(BUSY, unknown="the system ran already")
    found = beside(isolated(), unknown)
    assert "isolation" in refuted(found)
    assert neighbours(found).reason == "told, not judged: the system ran already"
    assert neighbours(found).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("company", "much"),
    [
        (replace(BUSY, others=TAKEN, idle=0.0), True),
        (replace(BUSY, others=TAKEN - 0.001), False),
        (replace(BUSY, others=0.155, idle=0.19), True),  # of a shop that did not get well beside a look at a journal
        (replace(BUSY, others=0.2, idle=0.2 / (LONGER - 1) + 0.01), False),
        (replace(BUSY, end=BUSY.start + LEAST_S - 0.1), False),
        (replace(BUSY, unknown="nobody looked"), False),
    ],
    ids=["enough", "others had less", "some room", "there was room", "too short", "unknown"],
)
def test_both_must_be_so_that_others_count(company: Company, *, much: bool) -> None:
    assert crowded(company) is much


def test_what_the_hypervisor_took_is_told() -> None:
    stolen = replace(BUSY, stolen=0.3, who=())
    assert told(stolen) == (
        "others had 41 % of this machine's 2 processors, 30 % of all to other machines, 2 % were idle"
    )


def test_a_placebo_beside_others_says_that_it_is_they() -> None:
    question = replace(
        experiment(expectations={"browse": Expectation.UNCHANGED, "checkout": Expectation.UNCHANGED}),
        role=Role.PLACEBO,
    )
    slow = history(question, fault={"browse": Each(latency_s=0.4)})
    (found,) = checkers.judge(beside(slow, BUSY))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.startswith("the placebo was no experiment: others had 41 %")


def test_a_positive_control_is_noticed_whoever_is_beside() -> None:
    question = replace(experiment(), role=Role.CONTROL)
    (found,) = checkers.judge(beside(history(question, fault=NEVER_WELL), BUSY))
    assert found.verdict is Verdict.PASS


def under_load(found: History, *, calls: int = 5, on: str = "", more: int = 0) -> History:
    """The same with what crossed before the fault, five calls a second on each line, and under it."""
    rows = [*crossed(WARM_UP), *crossed(FAULT, requests=calls)]
    rows += crossing_seconds(FAULT, on, requests=more) if on else ()
    return replace(found, windows=(WARM_UP, *found.windows), crossings=tuple(rows))


def test_a_load_that_fills_the_machine_is_no_proof_against_the_system() -> None:
    """As in a whole run of the shop: three pages of 485 had no answer in four seconds in which nothing was idle."""
    assert "isolation" in refuted(under_load(beside(isolated(), ALONE)))
    found = under_load(beside(isolated(), FULL))
    assert "isolation" not in refuted(found)
    doubted = by_check(checkers.judge(found))["isolation", "browse"]
    assert doubted.verdict is Verdict.UNKNOWN
    assert doubted.reason.startswith(
        "others had 3 % of this machine's 2 processors, 20 % were idle, for 2 s on end nothing was "
        "in the window fault, and a journey made no more calls than before, so this may be the load's doing: "
        "let fewer journeys a second come for longer"
    )
    assert neighbours(found).verdict is Verdict.UNKNOWN
    assert "2 of the findings may be the load's doing: let fewer" in neighbours(found).reason
    assert "isolation" in refuted(replace(found, neighbours=Neighbours.JUDGE)), "who runs something beside knows it"


@pytest.mark.parametrize(
    "company",
    [replace(FULL, full_s=FULL_S - 0.1), replace(FULL, window=WindowKind.RECOVERY), replace(FULL, unknown="no look")],
    ids=["shorter", "later", "unknown"],
)
def test_without_a_full_machine_under_the_fault_it_is_proof(company: Company) -> None:
    assert "isolation" in refuted(under_load(beside(isolated(), company)))


def test_whoever_calls_more_often_fills_the_machine_himself() -> None:
    full = beside(isolated(), FULL)
    assert "isolation" in refuted(under_load(full, calls=7))
    assert "isolation" not in refuted(under_load(full, calls=6))
    for edge in ("orders->payments", "payments->db"):
        line = next(each.name for each in shop().lines if each.edge == edge)
        assert "isolation" in refuted(under_load(full, on=line, more=5)), f"on {edge}, which is a fifth more of all"
    assert "isolation" in refuted(full), "nobody counted"


def test_where_a_full_machine_is_what_it_is_put_to_it_is_no_excuse() -> None:
    found = under_load(beside(isolated(), FULL))
    assert full(found) == FULL
    surging = replace(found.experiment, surge=40.0)
    starting = replace(found.experiment, injections=(replace(found.experiment.injections[0], fault=CrashLoop()),))
    for question in (surging, starting):
        assert full(replace(found, experiment=question)) is None
    assert "isolation" in refuted(replace(found, experiment=starting))


def test_what_a_queue_does_not_bring_about_is_proof_on_a_full_machine() -> None:
    """A system that is full once the fault is gone, under the same load as before, is what metastable means."""
    full = (FULL, replace(FULL, window=WindowKind.RECOVERY))
    assert {"recovery", "metastable"} <= refuted(under_load(beside(slow_recovery(), *full)))
    crashing = replace(answer("browse", AnswerClass.DIRTY, status=500), count=200)
    bad = replace(history(fault={"browse": Each(ok=0, failed=10)}), distinct=(crashing,))
    assert "availability" in refuted(under_load(beside(bad, *full)))

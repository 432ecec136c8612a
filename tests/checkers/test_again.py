"""What several trials of a cell say together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.again import (
    AT_ONCE_S,
    BY_DATA,
    BY_LOAD,
    beside_others,
    doubted,
    settled,
    wants_another,
    wants_control,
)
from harness.model.matrix import Cell, CellFinding, CellVerdict, Kind, Rule
from harness.model.neighbours import Company
from harness.model.observation import WindowKind
from harness.model.verdict import Verdict

GOOD = CellVerdict(
    cell=Cell(journey="browse", edge="web->stock", kind=Kind.LATENCY),
    verdict=Verdict.PASS,
    reason="usable",
    samples=2,
    usable=True,
    took_s=1.0,
)


def seen(rule: Rule, verdict: Verdict = Verdict.FAIL) -> CellVerdict:
    finding = CellFinding(rule=rule, verdict=verdict, reason=f"it was {rule}")
    return replace(GOOD, verdict=verdict, reason=finding.reason, findings=(finding,), usable=False)


WRONG, LATE = seen(Rule.ERROR), seen(Rule.HANG)
MISSED = seen(Rule.NOT_CROSSED, Verdict.UNKNOWN)


def test_a_pass_is_believed_at_once() -> None:
    assert not wants_another([GOOD])
    assert settled([GOOD]) == GOOD


@pytest.mark.parametrize(
    "first",
    [
        LATE,
        MISSED,
        seen(Rule.USABLE),
        seen(Rule.UNMARKED),
        replace(GOOD, mixed=True),
        replace(WRONG, mixed=True),
        replace(WRONG, samples=1),
    ],
)
def test_what_may_not_last_a_chance_and_visits_that_disagree_are_tried_again(first: CellVerdict) -> None:
    assert wants_another([first])


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule not in BY_LOAD | BY_DATA])
def test_what_stays_red_whatever_another_trial_shows_is_not_tried_again(rule: Rule) -> None:
    wrong = seen(rule)
    beside = replace(wrong, findings=wrong.findings + LATE.findings)

    for first in (wrong, beside):
        assert not wants_another([first])
        assert settled([first]).verdict is settled([first, GOOD]).verdict is Verdict.FAIL


def test_a_doubt_that_no_repetition_dispels_is_not_tried_again() -> None:
    assert not wants_another([seen(Rule.UNCLEAN, Verdict.UNKNOWN)])


def test_a_trial_in_which_a_proxy_died_is_told_and_not_talked_away_by_another() -> None:
    lost = replace(seen(Rule.PROXY, Verdict.UNKNOWN), mixed=True)

    assert not wants_another([lost])
    assert settled([lost]).verdict is Verdict.UNKNOWN
    assert wants_another([replace(lost, cell=Cell(journey="browse", edge="", kind=Kind.PLACEBO))])
    assert wants_another([LATE, lost])
    assert settled([LATE, lost, LATE]).verdict is Verdict.FAIL


def test_what_failed_twice_is_red_and_says_so() -> None:
    assert not wants_another([WRONG, WRONG])
    whole = settled([WRONG, WRONG])

    assert (whole.verdict, whole.trials, whole.samples, whole.took_s) == (Verdict.FAIL, 2, 4, 2.0)
    assert not whole.flaky
    assert whole.remarks == ("seen in 2 of 2 trials",)


def test_what_must_never_happen_is_red_though_it_happened_once() -> None:
    assert not wants_another([WRONG, GOOD])
    whole = settled([WRONG, GOOD])

    assert whole.verdict is Verdict.FAIL
    assert whole.flaky
    assert whole.reason == "it was server-error; in 1 of 2 trials"


def test_what_the_data_may_do_is_red_only_if_each_trial_showed_it() -> None:
    unmarked = seen(Rule.UNMARKED)

    assert settled([unmarked, unmarked]).verdict is Verdict.FAIL
    whole = settled([unmarked, GOOD])
    assert whole.verdict is Verdict.PASS
    assert any("the data may do too" in each for each in whole.remarks)


def test_what_a_busy_machine_may_do_is_red_by_most_of_three_trials_else_unknown() -> None:
    assert wants_another([LATE, GOOD])
    assert not wants_another([LATE, GOOD, LATE])
    assert settled([LATE, GOOD, LATE]).verdict is Verdict.FAIL
    whole = settled([LATE, GOOD, GOOD])

    assert whole.verdict is Verdict.UNKNOWN
    assert [each.rule for each in whole.findings] == [Rule.FLAKY]
    assert "in 1 of 3 trials" in whole.reason


def test_a_refusal_in_one_trial_of_three_is_unknown_and_in_two_red() -> None:
    refused = replace(seen(Rule.USABLE), at_once=True)

    assert wants_another([refused, GOOD])
    assert settled([refused, GOOD, GOOD]).verdict is Verdict.UNKNOWN
    assert settled([refused, GOOD, refused]).verdict is Verdict.FAIL
    assert settled([refused, refused]).verdict is Verdict.FAIL


def test_what_must_never_happen_is_red_though_it_comes_with_a_refusal() -> None:
    both = replace(WRONG, findings=WRONG.findings + seen(Rule.USABLE).findings)

    assert settled([both, GOOD]).verdict is Verdict.FAIL


def test_only_what_load_may_do_and_not_always_is_held_against_visits_without_a_fault() -> None:
    refused = seen(Rule.USABLE)
    now_and_then = replace(refused, mixed=True)

    assert wants_control(settled([now_and_then, now_and_then]), [now_and_then, now_and_then])
    assert wants_control(settled([refused, GOOD, refused]), [refused, GOOD, refused])
    assert not wants_control(settled([refused, refused]), [refused, refused])
    wrong = replace(WRONG, mixed=True)
    assert not wants_control(settled([wrong, wrong]), [wrong, wrong])
    assert not wants_control(GOOD, [GOOD])


def test_what_fails_without_a_fault_as_well_proves_nothing_and_both_are_told() -> None:
    whole = doubted(settled([seen(Rule.USABLE)] * 2), "GET / → 503 in 402 ms: an error of the server")

    assert (whole.verdict, [each.rule for each in whole.findings]) == (Verdict.UNKNOWN, [Rule.FLAKY])
    assert whole.reason.startswith("it was not-usable; not always, and without any fault as well: GET / → 503")


def test_what_is_late_only_with_several_visits_at_once_passes_in_turn() -> None:
    crowded = replace(LATE, at_once=True)
    assert wants_another([crowded])
    assert not wants_another([crowded, GOOD])
    whole = settled([crowded, GOOD])

    assert whole.verdict is Verdict.PASS
    assert whole.remarks == ("only with 2 visits at once: it was hang",)
    assert settled([crowded, LATE]).verdict is Verdict.FAIL


def test_a_chance_that_did_not_come_again_is_forgotten() -> None:
    assert not wants_another([MISSED, GOOD])
    assert settled([MISSED, GOOD]).verdict is Verdict.PASS
    assert wants_another([MISSED, MISSED])
    assert settled([MISSED, MISSED, MISSED]).verdict is Verdict.UNKNOWN


def test_visits_that_disagree_are_told_and_not_red() -> None:
    whole = settled([replace(GOOD, mixed=True, usable=False), GOOD])

    assert whole.verdict is Verdict.PASS
    assert whole.usable is False
    assert whole.flaky
    assert whole.remarks == ("usable in some of 4 visits only",)


BUSY = Company(window=WindowKind.FAULT, start=0.0, end=2.0, cores=2, others=0.5, stolen=0.0, idle=0.01, who=("ld",))


@pytest.mark.parametrize("rule", [Rule.HANG, Rule.SLOW, Rule.OVERDUE, Rule.RECOVERY, Rule.USABLE])
def test_what_load_may_do_is_in_doubt_while_others_had_the_processors(rule: Rule) -> None:
    red = replace(seen(rule), slowest_s=2.0)
    whole = beside_others(red, BUSY)
    assert (whole.verdict, [each.rule for each in whole.findings]) == (Verdict.UNKNOWN, [Rule.FLAKY])
    assert whole.reason.startswith("others had 50 % of this machine's 2 processors (mostly ld), 1 % were idle, so this")
    assert whole.reason.endswith(f"; it would be FAIL: it was {rule}")
    assert beside_others(red, replace(BUSY, others=0.05)) == red


@pytest.mark.parametrize("rule", [Rule.ERROR, Rule.STATE, Rule.TWICE, Rule.BODY, Rule.DIED])
def test_what_must_never_happen_is_red_whoever_is_beside(rule: Rule) -> None:
    assert beside_others(seen(rule), BUSY).verdict is Verdict.FAIL
    both = replace(LATE, findings=(*LATE.findings, *seen(rule).findings))
    assert beside_others(both, BUSY).verdict is Verdict.FAIL


def test_what_was_refused_at_once_was_not_refused_for_want_of_time() -> None:
    refused = replace(seen(Rule.USABLE), slowest_s=AT_ONCE_S - 0.01)
    assert beside_others(refused, BUSY).verdict is Verdict.FAIL


def test_what_passed_beside_others_passed() -> None:
    assert beside_others(GOOD, BUSY) == GOOD

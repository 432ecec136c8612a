from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.events import FindingMade, RunEnded
from harness.model.finding import Part
from harness.model.observation import WindowKind
from harness.model.verdict import Verdict
from harness.report.story import ExperimentStory, RunStory, edge_key
from harness.report.summary import advice, parts_of, recovery_words, why
from harness.report.tell import tell
from tests.report import journals


@pytest.fixture(scope="module")
def failing() -> RunStory:
    return tell(journals.failing())


def experiment(story: RunStory, name: str) -> ExperimentStory:
    return next(each for each in story.experiments if each.name == name)


def test_findings_are_told_worst_first_and_safety_before_the_rest(failing: RunStory) -> None:
    worst = [(each.finding.verdict, each.finding.part) for each in failing.told[:4]]
    assert worst == [
        (Verdict.FAIL, Part.SAFETY),
        (Verdict.FAIL, Part.RESILIENCE),
        (Verdict.FAIL, Part.FUZZ),
        (Verdict.FAIL, Part.RESILIENCE),
    ]
    assert not failing.told[3].blames  # the positive control's, which is wanted


def test_a_critical_journey_comes_before_one_that_is_not() -> None:
    finding = replace(journals.AVAILABILITY_FAIL, experiment="")
    critical = replace(finding, subject="checkout")
    story = tell([journals.HEADER, *(FindingMade(t=1, finding=each) for each in (finding, critical))])
    assert [each.finding.subject for each in story.told] == ["checkout", "browse"]


def test_the_shared_baseline_stands_in_every_experiment(failing: RunStory) -> None:
    baselines = {each.window(WindowKind.BASELINE) for each in failing.experiments}
    assert len(baselines) == 1
    assert None not in baselines


def test_an_injection_knows_its_edge_and_its_fault(failing: RunStory) -> None:
    (injection,) = experiment(failing, "recommendations slow").injections
    assert (injection.edge, injection.fault) == ("gateway->recommendations", "latency 1 s")
    (kill,) = experiment(failing, "payments killed and restarted").injections
    assert (kill.edge, kill.target, kill.fault) == ("", "payments-1", "kill")


def test_recovery_counts_from_the_confirmed_end_of_the_fault(failing: RunStory) -> None:
    slow = experiment(failing, "recommendations slow")
    assert slow.healed_at is not None
    assert pytest.approx(slow.healed_at + 2.14) == slow.recovered_at


def test_recovery_is_worded_by_what_is_known(failing: RunStory) -> None:
    assert recovery_words(experiment(failing, "recommendations slow")) == "2.14 s"
    assert recovery_words(experiment(failing, "payments black-holed in checkout")) == "not known"
    assert recovery_words(tell(journals.cut()).experiments[-1]) == "not known"


def test_figures_before_and_during_follow_the_windows(failing: RunStory) -> None:
    rows = {(row.journey, row.kind): row for row in experiment(failing, "recommendations gone").table}
    before, during = rows["browse", WindowKind.BASELINE], rows["browse", WindowKind.FAULT]
    assert (before.degraded, before.bad) == (0, 0)
    assert 0.1 < during.failed / during.total < 0.3
    assert during.p50_s is not None
    assert before.p50_s is not None
    assert during.p50_s > 10 * before.p50_s


def test_an_edge_has_the_worst_verdict_of_what_befell_it(failing: RunStory) -> None:
    edges = {edge.name: edge.verdict for edge in failing.edges}
    assert Verdict.FAIL is edges["gateway->recommendations"]
    assert Verdict.PASS is edges["gateway->catalog"]
    assert edges["gateway->orders"] is None


def test_the_controls_fault_blames_no_edge(failing: RunStory) -> None:
    assert {edge.name: edge.verdict for edge in failing.edges}["customers->gateway"] is None


def test_a_cut_run_is_unknown_and_keeps_what_was_seen() -> None:
    story = tell(journals.cut())
    assert (story.cut, story.verdict) == (True, Verdict.UNKNOWN)
    last = story.experiments[-1]
    assert (last.ended, last.verdict, last.healed_at) == (None, Verdict.UNKNOWN, None)
    assert last.until == story.last_t


def test_a_run_that_is_unknown_is_explained_by_what_is_unknown() -> None:
    story = tell(journals.unknown())
    assert story.headline is not None
    assert story.headline.finding.check == "control"
    assert why(story).startswith("positive control: the control's fault was not noticed")


def test_an_unknown_is_settled_and_a_failure_replayed(failing: RunStory) -> None:
    assert advice(failing)[0] == "Do first: replay it"
    assert advice(tell(journals.unknown()))[0] == "Settle it with"
    assert ("Repeat with", journals.HEADER.command) == advice(tell(journals.clean()))


def test_a_part_that_was_not_run_has_no_verdict() -> None:
    ended = RunEnded(t=1, verdict=Verdict.UNKNOWN, reason="nothing was verified", exit_code=2)
    assert {None} == {part.verdict for part in parts_of(tell([journals.HEADER, ended]))}


def test_the_parts_count_their_verdicts(failing: RunStory) -> None:
    counts = {part.name: (part.passed, part.unknown, part.failed) for part in parts_of(failing)}
    assert counts == {"Pacts": (7, 0, 0), "Experiments": (5, 1, 2), "Safety": (2, 0, 1), "Fuzzing": (6, 0, 1)}


def test_an_owner_is_found_by_the_service() -> None:
    finding = replace(journals.FUZZ_FAIL, owner="")
    story = tell([journals.HEADER, FindingMade(t=1, finding=finding)])
    assert story.owner(finding) == "pricing"


def test_an_edge_is_known_as_typed_and_as_shown() -> None:
    assert edge_key("a->b") == edge_key("a → b")


def test_what_follows_from_an_invalid_experiment_is_told_once() -> None:
    cause = replace(
        journals.RECOVERY_UNKNOWN, part=Part.VALIDITY, check="validity", subject="crossings", experiment="x"
    )
    followers = [replace(journals.RECOVERY_UNKNOWN, experiment="x", subject=name) for name in ("checkout", "browse")]
    refuted = replace(journals.AVAILABILITY_FAIL, experiment="x")
    story = tell([journals.HEADER, *(FindingMade(t=1, finding=each) for each in (*followers, cause, refuted))])
    assert [refuted, cause] == [each.finding for each in story.trouble]
    assert [story.undecided_with(each) for each in story.trouble] == [0, 2]
    assert len(story.told) == 4


def test_the_cause_heads_an_unknown_run_even_before_safety() -> None:
    cause = replace(journals.RECOVERY_UNKNOWN, part=Part.VALIDITY, subject="crossings", experiment="x", owner="")
    unsure = replace(journals.DOUBLE_CHARGE, verdict=Verdict.UNKNOWN, experiment="x")
    story = tell([journals.HEADER, *(FindingMade(t=1, finding=each) for each in (unsure, cause))])
    assert story.headline is not None
    assert story.headline.finding.subject == "crossings"


def test_what_nobody_can_judge_colours_no_edge() -> None:
    cause = replace(journals.RECOVERY_UNKNOWN, part=Part.VALIDITY, edge="gateway->catalog", experiment="x")
    unsure = replace(journals.DOUBLE_CHARGE, verdict=Verdict.UNKNOWN, experiment="x")
    story = tell([journals.HEADER, *(FindingMade(t=1, finding=each) for each in (unsure, cause))])
    edges = {edge.name: edge.verdict for edge in story.edges}
    assert (edges["gateway->catalog"], edges["orders->payments"]) == (Verdict.UNKNOWN, None)

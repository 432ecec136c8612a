"""The figures that an experiment names, during the faults and once the system is well again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.bounds import bounds
from harness.checkers.limits import samples_for
from harness.checkers.statistics import samples_needed
from harness.model.bound import Bound
from harness.model.finding import Finding
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import WINDOWS, Each, experiment, history, journey_seconds

WELL = Window(kind=WindowKind.WELL, start=70.0, end=100.0)


def during(name: str, text: str, each: Each) -> Finding:
    question = replace(experiment(), during=(Bound.parse(name, text),))
    (found,) = bounds(history(question, fault={"browse": each}))
    return found


@pytest.mark.parametrize(
    ("name", "text", "each", "verdict"),
    [
        ("browse.good", ">= 95%", Each(), Verdict.PASS),
        ("browse.good", ">= 95%", Each(ok=8, failed=2), Verdict.FAIL),
        ("browse.good", ">= 99%", Each(), Verdict.UNKNOWN),
        ("browse.bad", "< 5%", Each(), Verdict.PASS),
        ("browse.bad", "< 5%", Each(ok=8, unknown=2), Verdict.FAIL),
        ("browse.degraded", "> 50%", Each(ok=1, degraded=9), Verdict.PASS),
        ("browse.degraded", "> 50%", Each(ok=9, degraded=1), Verdict.FAIL),
        ("browse.p50", "< 100ms", Each(latency_s=0.05), Verdict.PASS),
        ("browse.p50", "< 100ms", Each(latency_s=0.5), Verdict.FAIL),
        ("browse.p95", "< 100ms", Each(latency_s=0.05), Verdict.PASS),
        ("browse.p99", "< 100ms", Each(latency_s=0.5), Verdict.FAIL),
        ("browse.p99", "< 100ms", Each(latency_s=0.05), Verdict.UNKNOWN),
        ("browse.goodput", "> 9/s", Each(), Verdict.PASS),
        ("browse.goodput", "> 9/s", Each(ok=8, failed=2), Verdict.FAIL),
        ("all.goodput", ">= 20/s", Each(), Verdict.PASS),
        ("all.bad", "< 5%", Each(ok=0, failed=10), Verdict.FAIL),
    ],
)
def test_a_figure_passes_only_when_it_certainly_keeps_its_limit(
    name: str, text: str, each: Each, verdict: Verdict
) -> None:
    assert during(name, text, each).verdict is verdict


def test_too_few_samples_are_told_with_how_many_would_do() -> None:
    found = during("browse.good", ">= 99%", Each())
    needed = samples_needed(0.01, 1e-3)
    assert samples_for(Bound.parse("browse.good", ">= 99%"), 1e-3) == needed
    assert f"{needed} samples without an exception would prove it" in found.reason
    assert found.subject == "browse.good >= 99%"


def test_what_must_hold_afterwards_is_judged_once_it_is_well_again() -> None:
    question = replace(experiment(), after=(Bound.parse("browse.p95", "< 100ms"),))
    unreached = history(question)
    (found,) = bounds(unreached)
    assert (found.verdict, "never reached" in found.reason) == (Verdict.UNKNOWN, True)
    for latency_s, verdict in ((0.05, Verdict.PASS), (0.5, Verdict.FAIL)):
        rows = tuple(journey_seconds(WELL, "browse", Each(latency_s=latency_s)))
        seen = replace(unreached, windows=(*WINDOWS, WELL), journeys=(*unreached.journeys, *rows))
        assert [each.verdict for each in bounds(seen)] == [verdict]


def test_without_a_figure_nothing_is_asked() -> None:
    assert bounds(history()) == ()

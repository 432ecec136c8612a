"""Sections of the page: all requests, traces, what was tried, pacts as a matrix, events, history."""

from __future__ import annotations

import re
from dataclasses import replace

from harness.model.events import FindingMade, PactsVerified, PactVersions, SpansSeen
from harness.model.figures import encoded
from harness.model.finding import Finding, Part
from harness.model.load_events import Observed
from harness.model.observation import AnswerClass, AnswerSecond
from harness.model.run_history import RunHistory, RunLine, ThingHistory, Trend
from harness.model.span import Span, SpanKind, SpanStatus
from harness.model.verdict import Verdict
from harness.report import html
from harness.report.heat import MAX_COLUMNS, grid_of
from tests.report import journals
from tests.report.page import Page


def answers(second: int, *latencies_s: float) -> AnswerSecond:
    return AnswerSecond(
        second=second,
        journey="browse",
        request="GET /",
        answer=AnswerClass.FULL,
        count=len(latencies_s),
        latencies=encoded(latencies_s),
    )


def span(name: str, parent: str | None, start: float, *, failed: bool = False) -> Span:
    status = SpanStatus.ERROR if failed else SpanStatus.UNSET
    return Span(
        trace="t",
        span=name,
        parent=parent,
        service=name,
        instance=None,
        kind=SpanKind.SERVER,
        name="GET /",
        start=start,
        end=start + 0.25,
        status=status,
        error="Late" if failed else None,
    )


def pact(edge: str, verdict: Verdict, *evidence: str) -> FindingMade:
    return FindingMade(
        t=1,
        finding=Finding(
            check="pact", part=Part.PACTS, verdict=verdict, reason="r", subject=edge, edge=edge, evidence=evidence
        ),
    )


def test_every_request_is_in_the_heat_map_by_its_second_and_latency() -> None:
    grid = grid_of([answers(10, 0.002, 0.002, 0.9), answers(12, 0.002)])
    assert grid is not None
    assert (grid.total, grid.most, grid.columns) == (4, 2, 3)
    assert {column for _, column in grid.cells} == {0, 2}
    assert (
        "4 requests" in Page(html.render([journals.HEADER, Observed(answers=(answers(10, 0.1, 0.2, 0.3, 4.0),))])).text
    )


def test_a_long_run_has_no_more_columns_than_can_be_seen() -> None:
    grid = grid_of([answers(0, 0.01), answers(86_399, 0.01)])
    assert grid is not None
    assert grid.columns <= MAX_COLUMNS


def test_a_run_without_requests_has_no_heat_map() -> None:
    assert grid_of([]) is None
    assert "Latency of all requests" not in html.render([journals.HEADER])


def test_a_trace_is_a_waterfall_that_marks_what_failed_and_survives_a_cycle() -> None:
    name = journals.TRIALS[0].name
    spans = (span("front", None, 1.0), span("back", "front", 1.1, failed=True), span("odd", "odd", 1.2))
    text = Page(html.render([*journals.failing(), SpansSeen(t=3, experiment=name, journey="browse", spans=spans)])).text
    assert "✕ back: GET /" in text
    assert "The worst trace of browse, in 450 ms" in text
    assert "odd: GET /" in text


def test_what_was_tried_is_a_matrix_whose_cells_lead_to_their_experiment() -> None:
    page = Page(html.render(journals.failing()))
    source = html.render(journals.failing())
    told = page.text[page.text.index("What was broken in which way") :]
    assert "untested" in told
    found = re.findall(r'<a class="chip [a-z]+" href="#(experiment-[^"]+)"', source)
    assert found
    assert set(found) <= set(page.ids)


def test_a_pact_that_is_broken_keeps_both_from_going_live_and_is_shown_as_a_diff() -> None:
    broken = pact("web->stock", Verdict.FAIL, 'body $: expected ["a"], found ["b"]', "agreed at pacts/x.json:4")
    source = html.render([journals.HEADER, broken, pact("web->mail", Verdict.PASS)])
    text = Page(source).text
    assert "✕ FAIL not beside stock" in text
    assert "✕ FAIL not beside web" in text
    assert '- ["a"]  expected\n+ ["b"]  found' in text
    assert re.search(r'<th scope="row">mail</th><td><span class="chip pass">', source)


def versions(*pairs: tuple[str, str, str, str]) -> PactsVerified:
    return PactsVerified(
        t=2,
        pairs=tuple(
            PactVersions(consumer=consumer, provider=provider, consumer_version=one, provider_version=other)
            for consumer, one, provider, other in pairs
        ),
    )


def test_both_sides_of_a_pact_are_told_with_their_versions() -> None:
    broken, held = pact("web->stock", Verdict.FAIL), pact("web->mail", Verdict.PASS)
    found = versions(("web", "1.0.0", "stock", "2.1.0"), ("web", "1.0.0", "mail", ""))
    page = Page(html.render([journals.HEADER, broken, held, found]))
    assert page.trouble == []
    assert "web 1.0.0 → stock 2.1.0" in page.text
    assert "web 1.0.0 → mail (version not known)" in page.text
    assert "not beside stock 2.1.0" in page.text
    assert "not beside web 1.0.0" in page.text
    assert "tells no versions" not in page.text
    assert set(page.links) <= set(page.ids)


def test_a_pact_of_two_versions_of_its_consumer_is_told_with_that_of_each_pair() -> None:
    found = versions(("web", "1.0", "stock", "2"), ("web", "1.1", "mail", "3"))
    held = [pact("web->stock", Verdict.PASS), pact("web->mail", Verdict.PASS)]
    text = Page(html.render([journals.HEADER, *held, found])).text
    assert "web 1.0 → stock 2" in text
    assert "web 1.1 → mail 3" in text
    assert "web1.0, 1.1" in text


def test_a_journal_without_versions_is_told_to_have_none() -> None:
    text = Page(html.render([journals.HEADER, pact("web->stock", Verdict.PASS)])).text
    assert "This journal tells no versions." in text
    assert "version not known" not in text


def test_an_accepted_pact_keeps_nobody_from_going_live() -> None:
    broken = pact("web->stock", Verdict.FAIL)
    accepted = replace(broken, finding=replace(broken.finding, excused="accepted until May"))
    assert "not beside" not in html.render([journals.HEADER, accepted])


def test_earlier_runs_are_told_with_what_changed_and_how_recovery_went() -> None:
    lines = tuple(
        RunLine(run=f"run-{day}", wall=f"2026-05-0{day}T00:00:00Z", where="", verdict=verdict, counts={verdict: 3})
        for day, verdict in ((1, Verdict.PASS), (2, Verdict.FAIL))
    )
    thing = ThingHistory(
        kind="experiment",
        name="mail-lost",
        verdicts=(Verdict.PASS, Verdict.FAIL),
        changes=1,
        chances=1,
        flaky_in=0,
        recovery_s=(0.5, 2.0),
        trend=Trend.UNTOLD,
    )
    found = RunHistory(system="shop", runs=lines, things=(thing,))
    page = Page(html.render(journals.clean(), found))
    assert page.trouble == []
    told = page.text[page.text.rindex("History") :]
    assert told.index("run-2") < told.index("run-1")
    assert "2.00 s (median 1.25 s of 2)" in told
    assert "Recovery of mail-lost" in told
    alone = RunHistory(system="shop", runs=lines[:1], things=())
    assert "History" not in Page(html.render(journals.clean(), alone)).text

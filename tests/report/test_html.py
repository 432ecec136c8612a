from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest

from harness.errors import JournalError
from harness.model.events import Event, FindingMade, RunEnded
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from harness.report import html
from tests.report import journals
from tests.report.page import Page


@cache
def rendered(make: Callable[[], list[Event]]) -> str:
    return html.render(make())


RUNS: Sequence[Callable[[], list[Event]]] = (
    journals.clean,
    journals.failing,
    journals.unknown,
    journals.cut,
    journals.hostile,
    journals.of_tests,
    lambda: [journals.HEADER],
)


@pytest.fixture(
    scope="module", params=RUNS, ids=["clean", "failing", "unknown", "cut", "hostile", "of tests", "header only"]
)
def page(request: pytest.FixtureRequest) -> Page:
    make: Callable[[], list[Event]] = request.param
    return Page(rendered(make))


def test_every_tag_is_closed_in_order(page: Page) -> None:
    assert page.trouble == []


def test_ids_are_unique(page: Page) -> None:
    assert len(set(page.ids)) == len(page.ids)


def test_every_internal_link_and_label_resolves(page: Page) -> None:
    assert set() == {*page.links, *page.labels} - set(page.ids)


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    assert [reference for reference in page.references if not reference.startswith("#")] == []
    assert page.handlers == []
    assert not {"script", "iframe", "object", "embed", "link", "img", "form"} & set(page.tags)


def test_headings_never_skip_a_level(page: Page) -> None:
    assert page.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


def test_landmarks_and_a_skip_link_are_there(page: Page) -> None:
    assert {"header", "main", "nav", "footer", "section"} <= set(page.tags)
    assert page.links[0] == "main"


def test_the_stylesheet_refers_to_nothing_outside() -> None:
    source = rendered(journals.failing)
    assert re.findall(r"@import|url\((?!#)", source) == []


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    source = rendered(journals.hostile)
    assert "<script" not in source
    assert "\x1b" not in source
    assert "<script>alert('x')</script>" in Page(source).text


def test_the_verdict_says_why_whose_it_is_and_what_to_do_first() -> None:
    text = Page(rendered(journals.failing)).text
    top = text[text.index("✕ FAIL") : text.index("Summary")]
    assert "nobody charged twice: order 5b0e… was charged twice" in top
    assert "payments (service payments)" in top
    assert "harness run targets/shop/system.yaml --seed 20260504 --only 'payments killed and restarted'" in top


def test_an_inferred_owner_is_said_to_be_inferred() -> None:
    assert "edge (service gateway) \N{EN DASH} owner inferred" in Page(rendered(journals.failing)).text


def test_faults_that_tests_put_in_force_are_told_with_their_windows() -> None:
    source = rendered(journals.of_tests)
    text = Page(source).text
    told = text[text.rindex("Faults outside experiments") :]
    assert "gateway → recommendations under latency 1 s" in told
    assert "healed (removed) in 10 ms, 10.5 s after arming: read back as off" in told
    assert "payments-1 under SIGKILL" in told
    assert "Healing: nothing is known of it." in told
    assert source.count('<div class="charts">') == len(journals.HEADER.journeys)


def test_figures_of_a_note_are_a_table() -> None:
    source = rendered(journals.of_tests)
    assert "gateway-&gt;catalog" not in source
    assert re.search(r"gateway → catalog</th><td[^>]*>1\.231", source)


def test_an_invariant_that_each_experiment_judged_counts_once() -> None:
    safe = Finding(
        check="at-most-once", part=Part.SAFETY, verdict=Verdict.PASS, subject="nobody charged twice", reason=""
    )
    events = [FindingMade(t=t, finding=replace(safe, experiment=f"trial {t}")) for t in range(1, 4)]
    assert "1 invariant held, in 3 judgements over the run" in Page(html.render([journals.HEADER, *events])).text


def test_a_service_that_fuzzing_found_nothing_in_says_how_many_operations_that_was() -> None:
    reason = "510 cases on 7 of 7 operations found nothing (seed 3)"
    found = Finding(
        check="fuzz", part=Part.FUZZ, verdict=Verdict.PASS, subject="catalog", service="catalog", reason=reason
    )
    text = Page(html.render([journals.HEADER, FindingMade(t=1, finding=found)])).text
    assert f"catalog \N{EN DASH} {reason}" in text
    assert "1 operation" not in text


def test_a_cut_journal_is_unknown_and_says_so() -> None:
    text = Page(rendered(journals.cut)).text
    assert "? UNKNOWN" in text
    assert "The journal ends after" in text


def test_a_clean_run_shows_what_each_pass_excludes() -> None:
    source = rendered(journals.clean)
    assert "a rise of bad answers above 5 points (n = 148, 0 bad) is excluded" in Page(source).text
    assert "chip fail" not in source.replace('<span class="chip fail">✕ FAIL</span><span class="what">availability', "")


def test_a_run_that_ended_as_pass_above_a_failed_finding_is_not_shown_as_pass() -> None:
    finding = Finding(check="pact", part=Part.PACTS, verdict=Verdict.FAIL, subject="a → b", reason="a mismatch")
    ended = RunEnded(t=2, verdict=Verdict.PASS, reason="fine", exit_code=0)
    text = Page(html.render([journals.HEADER, FindingMade(t=1, finding=finding), ended])).text
    assert "✕ FAIL" in text
    assert "The run ended as PASS, but one of its findings is FAIL." in text


def test_evidence_beyond_the_limits_is_told_to_be_left_out() -> None:
    finding = replace(journals.AVAILABILITY_FAIL, experiment="", evidence=("x" * 9_000, *["line"] * 99))
    source = html.render([journals.HEADER, FindingMade(t=1, finding=finding)])
    assert "and 40 more in the journal" in source
    assert "… (shortened)" in source


def test_a_run_of_six_minutes_stays_small() -> None:
    assert len(rendered(journals.failing).encode()) < 400_000


def test_equal_events_make_equal_pages() -> None:
    assert rendered(journals.failing) == html.render(journals.failing())


def test_a_journal_without_its_first_line_is_refused() -> None:
    with pytest.raises(JournalError, match="expected 'run-started' as a journal's first event, found 'run-ended'"):
        html.render(journals.clean()[-1:])
    with pytest.raises(JournalError, match="an empty journal"):
        html.render([])

"""A load run in every report."""

from harness.model.events import LoadPhaseEnded
from harness.model.verdict import Verdict
from harness.report import allure, html, junit, markdown, terminal
from harness.report.load_story import ALL, LoadStory, load_of
from harness.report.load_table import lines
from harness.report.tell import tell
from tests.report import journals
from tests.report.load_journals import journal
from tests.report.page import Page


def story() -> LoadStory:
    found = load_of(journal())
    assert found is not None
    return found


def test_a_run_without_load_has_no_story_of_one() -> None:
    assert load_of(journals.failing()) is None


def test_each_phase_tells_what_was_asked_and_what_was_begun() -> None:
    before, spike, after = story().phases
    assert (before.asked, spike.asked, after.asked) == ("20/s", "20 to 120/s", "20/s")
    assert (before.due, before.started, before.driven) == (400, 400, 20.0)
    assert spike.cpu_share > before.cpu_share
    assert 0.003 < before.lag_s <= 0.004


def test_closed_users_are_told_as_what_was_asked() -> None:
    closed = LoadPhaseEnded(name="closed", start=3, end=23, asked_start=0, asked_end=0, users=12)
    found = load_of((*journal()[:51], closed))
    assert found is not None
    assert found.phases[0].asked == "12 users"
    assert {None} == {each.asked for each in found.pace}


def test_latency_counts_from_the_intended_start_and_service_from_the_actual() -> None:
    for phase in story().phases:
        for each in phase.journeys:
            assert each.latency.p50_s is not None
            assert each.service.p50_s is not None
            assert 0.002 < each.latency.p50_s - each.service.p50_s < 0.004


def test_all_journeys_together_are_the_sum_of_them() -> None:
    for phase in story().phases:
        assert phase.all.journey == ALL
        assert phase.all.total == sum(each.total for each in phase.journeys)
        assert phase.all.failed == sum(each.failed for each in phase.journeys)


def test_steps_are_told_by_the_classes_of_their_answers() -> None:
    steps = {(each.phase, each.request) for each in story().steps}
    assert {("spike", "POST /orders"), ("before", "GET /products/{sku}")} <= steps


def test_a_screen_holds_the_phases_and_the_journeys() -> None:
    told = [*lines(story())]
    assert told[0].startswith("Load ")
    assert max(map(len, told)) <= terminal.WIDTH
    assert any(line.startswith("  checkout, spike") for line in told)
    assert "spike   20 to 120/s" in terminal.render(journal(), colour=False)


def test_the_page_is_sound_and_shows_charts_with_the_phases() -> None:
    page = Page(html.render(journal()))
    assert page.trouble == []
    assert len(page.ids) == len(set(page.ids))
    assert "Load report: shop" in page.text
    assert "Phases: before from 0 s to 20 s, spike from 20 s to 30 s, after from 30 s to 50 s." in page.text
    assert "generator: schedule lag" in page.text
    assert "Resilience report" not in page.text


def test_a_run_that_was_cut_in_its_first_phase_is_told_too() -> None:
    cut = (*journal()[:20], LoadPhaseEnded(name="before", start=3, end=17.4, asked_start=20, asked_end=20))
    assert "UNKNOWN" in html.render(cut)
    assert tell(cut).verdict is Verdict.UNKNOWN
    assert "before" in terminal.render(cut, colour=False)


def test_a_phase_without_a_whole_second_has_no_figures() -> None:
    short = LoadPhaseEnded(name="before", start=3.0, end=3.2, asked_start=20, asked_end=20)
    found = load_of((*journal()[:20], short))
    assert found is not None
    assert found.phases[0].all.total == 0
    assert html.render((*journal()[:20], short))


def test_the_summary_and_the_test_reports_hold_the_findings_of_load() -> None:
    told = markdown.render(journal())
    assert "| spike | 20 to 120/s |" in told
    assert "## Journeys" in told
    assert b"browse.p99 &lt; 800 ms in spike" in junit.render(journal())
    assert any(b"browse.p99" in each for each in allure.render(journal()).values())

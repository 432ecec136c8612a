"""A load run in every report."""

from harness.model.events import Event, InjectionArmed, InjectionHealed, LoadPhaseEnded
from harness.model.fault import Armed, Healed, HealedBy
from harness.model.verdict import Verdict
from harness.report import allure, html, junit, markdown, terminal
from harness.report.load_charts import frame_of
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


def broken_by_hand(*, healed_at: float | None, in_force: bool = True) -> tuple[Event, ...]:
    """Asked for at 24 s, on at 24.1 s, and proved by 24.5 s."""
    armed = Armed(in_force=in_force, evidence="connect refused", took_s=0.5, on_s=0.1)
    told: list[Event] = [InjectionArmed(t=24.5, experiment="", injection="by-hand-1", what="orders cut", armed=armed)]
    if healed_at is not None:
        healed = Healed(verified=True, by=HealedBy.REMOVED, evidence="answers", took_s=0.1)
        what = "orders cut"
        told += [
            InjectionHealed(t=healed_at, experiment="", injection="by-hand-1", what=what, healed=healed),
            InjectionHealed(t=healed_at + 9, experiment="", injection="by-hand-1", what=what, healed=healed),
        ]
    return (*journal(), *told)


def test_what_somebody_broke_by_hand_is_shaded_while_it_was_in_force() -> None:
    found = load_of(broken_by_hand(healed_at=30.0))
    assert found is not None
    assert [(round(each.start, 1), each.end, each.what) for each in frame_of(found).lanes] == [
        (21.1, 27.0, "orders cut")
    ]
    page = Page(html.render(broken_by_hand(healed_at=30.0)))
    assert "after from 30 s to 50 s. Faults by hand: orders cut from 21 s to 27 s." in page.text
    assert page.trouble == []


def test_what_nobody_healed_is_shaded_to_the_end_of_the_load_and_what_came_after_it_is_cut() -> None:
    for healed_at in (None, 57.0):
        found = load_of(broken_by_hand(healed_at=healed_at))
        assert found is not None
        assert [each.end for each in frame_of(found).lanes] == [50.0]


def test_what_was_never_in_force_is_not_shaded() -> None:
    found = load_of(broken_by_hand(healed_at=30.0, in_force=False))
    assert found is not None
    assert frame_of(found).lanes == ()


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

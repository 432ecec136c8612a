"""The measures of each experiment, in the reports."""

from __future__ import annotations

from dataclasses import replace

from harness.model.events import Event, ExperimentEnded, from_json, to_json
from harness.model.measures import EdgeCalls, JourneyMeasures, Measures
from harness.report import html, markdown
from harness.report.measures import HEADS, calls_that_rose, other_calls, row, sentence
from harness.report.tell import tell
from harness.report.words import NOTHING
from tests.report import journals
from tests.report.page import Page

MEASURES = Measures(
    fault_s=20.0,
    suffered_s=25.0,
    recovery_s=3.5,
    journeys=(
        JourneyMeasures(
            journey="browse", degraded_share=0.25, goodput_before=18.0, goodput=9.0, bad=180, budget_share=0.0123
        ),
        JourneyMeasures(journey="checkout", degraded_share=None, goodput_before=3.0, goodput=0.0, bad=60),
    ),
    calls=(EdgeCalls(edge="orders->payments", before=0.5, during=0.6),),
)


def measured() -> list[Event]:
    return [
        replace(each, measures=MEASURES) if isinstance(each, ExperimentEnded) else each for each in journals.failing()
    ]


def test_they_outlive_the_journal_and_an_old_one_has_none() -> None:
    ended = next(each for each in measured() if isinstance(each, ExperimentEnded))
    assert from_json(to_json(ended)) == ended
    assert {each.measures for each in tell(measured()).experiments if each.ended} == {MEASURES}
    assert [each.measures for each in tell(journals.failing()).experiments if each.measures] == []


def test_a_row_has_all_of_them() -> None:
    told = dict(zip(HEADS, row(MEASURES), strict=True))
    assert told["Suffered"] == "25.0 s of 20.0 s"
    assert told["Amplification"] == "1.25 times"
    assert told["Goodput kept"] == "42.9%"
    assert told["Calls, at most"] == "1.20 times on orders → payments"
    assert told["Budget spent"] == "1.23%"
    assert set(row(None)) == {NOTHING}


def test_what_never_got_well_is_told_so() -> None:
    assert "it never got well while it was watched" in sentence(replace(MEASURES, recovery_s=None))


def test_the_page_and_the_summary_tell_them() -> None:
    page = html.render(measured())
    assert "outage amplification 1.25 times" in page
    assert "30-day budget" in page
    assert "Calls for each journey before" in page
    assert Page(page).trouble == []
    assert "## Measures" in markdown.render(measured())
    assert "## Measures" not in markdown.render(journals.failing())


def test_of_many_edges_those_are_shown_whose_calls_rose_most_and_the_others_are_counted() -> None:
    few = tuple(EdgeCalls(edge=f"a->b{number}", before=1.0, during=number / 10) for number in range(20))
    many = replace(MEASURES, calls=(*few, EdgeCalls(edge="a->new", before=0.0, during=0.1)))
    shown = [each.edge for each in calls_that_rose(many)]
    assert shown == ["a->new", *(f"a->b{number}" for number in range(19, 8, -1))]
    assert other_calls(many) == "And 9 more, with 0.80 times at most."
    assert other_calls(replace(MEASURES, calls=few[:12])) == ""
    assert other_calls(replace(MEASURES, calls=(EdgeCalls(edge="a->b", before=0.0, during=0.0),) * 13)) == (
        "And 1 more, with 0.00 times at most."
    )

"""How much a system bears, in every report."""

import json
from dataclasses import replace
from pathlib import Path

from harness.checkers.capacity_costs import costs, needed, saturation
from harness.checkers.capacity_search import Search, knee_of
from harness.model.capacity import Capacity, Held, Interval, MachineUse, Overload, RateStep, Use
from harness.model.events import CapacityMeasured, Event, from_json, to_json
from harness.model.verdict import Verdict
from harness.report import html, markdown, terminal, write_reports
from harness.report.capacity_json import table
from tests.report.load_journals import journal
from tests.report.page import Page


def step(number: int, rate: float, held: Held = Held.HELD, *why: str) -> RateStep:
    good = round(rate * 16 * (1 if held is Held.HELD else 0.7))
    uses = (
        Use(instance="gateway-1", service="gateway", cores=rate / 40, requests=rate * 1.8, answer_s=0.02),
        Use(instance="<pricing>-1", service="<pricing>", cores=rate / 50, requests=rate, answer_s=0.01),
        Use(instance="postgres-1", service="postgres", cores=rate / 100, requests=rate * 4, answer_s=0.002),
    )
    return RateStep(
        name=f"step-{number}",
        rate=rate,
        start=number * 30,
        end=number * 30 + 16,
        due=round(rate * 16),
        good=good,
        pages=round(good * 1.8),
        p99_s=0.21,
        held=held,
        why=why,
        uses=uses,
        machine=MachineUse(cores=2, busy=min(rate / 18, 1.98), own=0.3),
    )


def capacity() -> Capacity:
    steps = [step(1, 20), step(2, 30), step(3, 33, Held.MISSED, "88 % of the journeys due ended well and in time")]
    steps += [step(4, 33, Held.MISSED, "86 % of the journeys due ended well and in time"), step(5, 30), step(6, 30)]
    knee = knee_of(steps, Search(lowest=20, highest=100))
    assert knee.pages is not None
    found = costs([each for each in steps if each.rate == 30], {"postgres"})
    return Capacity(
        steps=tuple(steps),
        knee=knee,
        saturation=saturation(steps),
        costs=found,
        fleet=needed(found, knee.pages, target=85_000, redundancy=3),
        overload=Overload(
            knee=30,
            asked=60,
            goodput=Interval(low=27, estimate=28, high=29),
            recovered_s=2,
            watched_s=25,
            verdict=Verdict.PASS,
            reason="it sheds: at 60 journeys a second 28 ended well",
        ),
        assumptions=("load generator, proxies and system shared this machine",),
    )


def events() -> tuple[Event, ...]:
    *before, end = journal()
    return (*before, CapacityMeasured(t=57.5, capacity=capacity()), end)


def test_what_was_measured_comes_back_from_a_journal_as_it_was() -> None:
    event = CapacityMeasured(t=1.0, capacity=capacity())
    assert event == from_json(to_json(event))


def test_a_screen_shows_the_steps_the_costs_and_the_fleet() -> None:
    shown = terminal.render(events(), colour=False)
    for words in ("Steps", "step-3", "missed", "First at its limit", "At the knee", "gateway", "85,000 pages a second"):
        assert words in shown
    assert "assumed: redundancy 3" in shown


def test_no_line_of_a_screen_is_longer_than_its_width() -> None:
    assert max(map(len, terminal.render(events(), colour=False).splitlines())) <= terminal.WIDTH


def test_the_page_has_a_section_with_the_arithmetic_and_its_assumptions() -> None:
    page = html.render(events())
    Page(page)
    for words in (
        "The fleet for 85,000 pages a second, 3 times",
        "Arithmetic",
        "Assumptions",
        "it sheds",
        "&lt;pricing",
    ):
        assert words in page
    assert "<pricing>" not in page


def test_a_run_that_was_not_asked_has_no_such_section() -> None:
    assert 'id="capacity"' not in html.render(journal())
    assert "Capacity" not in markdown.render(journal())


def test_the_summary_for_a_ci_server_has_the_steps() -> None:
    assert "## Capacity" in markdown.render(events())


def test_other_programs_get_all_of_it(tmp_path: Path) -> None:
    written = {each.name: each for each in write_reports(events(), tmp_path)}
    told = json.loads(written["capacity.json"].read_text(encoding="utf-8"))
    assert told == table(events())
    assert told["format"] == 1
    assert told["knee"]["rate"] == 30
    assert told["fleet"]["parts"][0]["instances"] > 0
    assert len(told["steps"]) == 6


def test_a_system_of_which_no_cpu_is_known_is_told_without_it() -> None:
    bare = [replace(each, uses=(), machine=None) for each in capacity().steps]
    found = Capacity(steps=tuple(bare), knee=knee_of(bare, Search(lowest=20, highest=100)))
    *before, end = journal()
    shown = terminal.render((*before, CapacityMeasured(t=57.5, capacity=found), end), colour=False)
    assert "At the knee" not in shown

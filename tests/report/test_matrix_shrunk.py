"""Smallest faults, latency budgets and what is excused, in every report."""

from __future__ import annotations

import json
from dataclasses import replace

from harness.model.events import BudgetMeasured, CellShrunk, Event, FindingMade, MatrixCellEnded, RunEnded
from harness.model.matrix import Kind
from harness.model.shrunk import Dial, LatencyBudget, Shrunk, Tried
from harness.model.system import Need
from harness.model.verdict import Verdict
from harness.report import html, junit, markdown, matrix_json, terminal
from harness.report.tell import tell
from harness.report.words import NOTHING
from tests.report.test_explaining import CELL, FINDING, NAME, RED, journal

EXCUSE = "accepted by payments until 2027-01-31: <b>a new bank</b>"
SENTENCE = "checkout breaks from 410 ms on orders → payments (392 ms is borne)"
TRIED = Tried(dial=Dial.DELAY, fault="latency 410 ms", size=0.41, breaks=True)
BUDGET = LatencyBudget(
    journey="checkout",
    edge="orders->fraud",
    need=Need.SOFT,
    deadline_s=0.5,
    full_s=0.29,
    bears_s=0.392,
    breaks_s=0.41,
    slack_s=-0.09,
    tried=(TRIED,),
)
ANY = replace(BUDGET, edge="orders->mail", bears_s=2.5, breaks_s=None, slack_s=2.0, complete=False)


def shrunk() -> tuple[Event, ...]:
    cell = replace(CELL, kind=Kind.LATENCY)
    found = Shrunk(cell=cell, sentence=SENTENCE, reproduction="repro/test_x.py", tried=(TRIED,))
    budgets = (BudgetMeasured(t=4.0, budget=BUDGET), BudgetMeasured(t=5.0, budget=ANY))
    return journal(CellShrunk(t=3.0, shrunk=found), *budgets)


def test_they_are_in_the_terminal_the_page_and_the_json() -> None:
    text, page = terminal.render(shrunk(), colour=False), html.render(shrunk())
    table = matrix_json.table(shrunk())

    assert f"Smallest faults\n  {SENTENCE}\n    repro/test_x.py" in text
    lines = [line.split("  ") for line in text.splitlines() if "orders → " in line and "soft" in line]
    words = [[word.strip() for word in line if word.strip()] for line in lines]
    assert words == [
        ["orders → fraud", "checkout", "soft", "500 ms", "290 ms", "392 ms", "410 ms", "-90 ms"],
        ["orders → mail", "checkout", "soft", "500 ms", "290 ms", "any up to 2.50 s ?", NOTHING, "+2.00 s at least"],
    ]
    assert "Latency budget" in page
    assert SENTENCE in page
    assert json.loads(json.dumps(table["shrunk"]))[0]["sentence"] == SENTENCE
    assert json.loads(json.dumps(table["latency_budget"]))[0]["breaks_s"] == 0.41


def test_what_is_excused_is_shown_and_makes_nothing_red() -> None:
    ended = RunEnded(t=9.0, verdict=Verdict.PASS, reason="all hold; 1 red ones are accepted or known", exit_code=0)
    header, *_ = journal()
    events = (
        header,
        MatrixCellEnded(t=1.0, result=replace(RED, excused=EXCUSE)),
        FindingMade(t=1.0, finding=replace(FINDING, excused=EXCUSE)),
        ended,
    )
    text = terminal.render(events, colour=False)

    assert tell(events).verdict is Verdict.PASS
    assert "What did not pass" not in text
    assert "~ server-error +1" in text
    assert f"Red, and accepted or known\n  ~ {NAME}: {EXCUSE}" in text
    assert "~ " in markdown.render(events)
    assert "<b>a new bank" not in html.render(events)
    cases = junit.render(events).decode()
    assert 'failures="0"' in cases
    assert 'skipped="1"' in cases
    assert "<failure" not in cases

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from harness.engine.cell_blame import blaming, nobody
from harness.engine.matrix_told import finding_of
from harness.engine.session import Session
from harness.model.events import Event, SpansSeen
from harness.model.matrix import Cell, CellVerdict, Kind
from harness.model.verdict import Verdict
from harness.observe.otlp import OtlpReceiver
from tests.checkers.histories import shop
from tests.checkers.spans import TRACE, Telling
from tests.checkers.trials import TRIAL, got, under, visit

CELL = Cell(journey="browse", edge="gateway->recommendations", kind=Kind.RESET)
TRIAL_ = replace(TRIAL, cell=CELL, visits=(replace(visit(got(500)), trace=TRACE), visit()))


def a_session(telling: Telling, events: list[Event], *, spans: bool = True) -> Session:
    receiver = OtlpReceiver(zero_ns=0)  # never started: what has come is put there by hand
    receiver.room.add(telling.spans)
    session = SimpleNamespace(
        spans=receiver if spans else None,
        topology=shop(),
        now=lambda: 7.0,
        recorder=SimpleNamespace(record=events.append),
    )
    return cast("Session", session)


def failing() -> Telling:
    telling = Telling()
    root = telling.served("gateway", 0, 100, status=500)
    telling.asked("gateway", "orders", 5, 95, parent=root, error="connection reset")
    return telling


def red() -> CellVerdict:
    found = under(*TRIAL_.visits, trial=TRIAL_)
    assert found.verdict is Verdict.FAIL
    return found


async def test_a_red_cell_says_whose_fault_it_is_by_its_spans() -> None:
    events: list[Event] = []
    told = await blaming(a_session(failing(), events))(TRIAL_, red())
    assert told.whose is not None
    assert (told.whose.service, told.whose.edge, told.whose.inferred) == ("gateway", "gateway->orders", False)
    (kept,) = events
    assert isinstance(kept, SpansSeen)
    assert (kept.journey, {each.trace for each in kept.spans}) == ("browse", {TRACE})
    finding = finding_of(shop(), told)
    assert (finding.edge, finding.service, finding.owner, finding.inferred) == (
        "gateway->orders",
        "gateway",
        "edge",
        False,
    )
    assert any(line.startswith("whose fault: browse failed: gateway gave up on orders") for line in finding.evidence)
    assert f"trace {TRACE}:" in finding.evidence


async def test_without_spans_it_stays_inferred() -> None:
    verdict, events = red(), list[Event]()
    assert await blaming(a_session(failing(), events, spans=False))(TRIAL_, verdict) is verdict
    assert await nobody(TRIAL_, verdict) is verdict
    finding = finding_of(shop(), verdict)
    assert (finding.edge, finding.service, finding.inferred) == ("gateway->recommendations", "gateway", True)
    assert events == []


async def test_a_cell_that_passed_asks_nobody() -> None:
    verdict, events = replace(red(), verdict=Verdict.PASS), list[Event]()
    assert await blaming(a_session(failing(), events))(TRIAL_, verdict) is verdict
    assert events == []

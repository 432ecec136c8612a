from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.differential import Due
from harness.engine.pacts_under_fault import held
from harness.model.finding import Finding, Part
from harness.model.replayed import Asked
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble
from tests.checkers.test_differential import ASKED, answer, problem

SUBJECT = "gateway → catalog: a request for a product"
BROKEN = Finding(
    check="pact",
    part=Part.PACTS,
    verdict=Verdict.FAIL,
    reason="catalog breaks what gateway relies on: status: expected 200, found 503",
    subject=SUBJECT,
)


def due(_asked: Asked) -> Due:
    return Due(deadline_s=1.0, documented=True, declared=frozenset({200, 503}))


def verdict(found: Finding | None, *exchanges: Exchange, soft: str = "") -> Verdict:
    return held(SUBJECT, found, [(ASKED, each) for each in exchanges], due=due, soft=soft).verdict


def test_what_holds_holds() -> None:
    assert verdict(replace(BROKEN, verdict=Verdict.PASS), answer()) is Verdict.PASS


def test_behind_a_hard_edge_it_may_be_refused_in_the_declared_way() -> None:
    assert verdict(BROKEN, problem(503)) is Verdict.PASS


def test_behind_a_soft_edge_it_has_to_hold() -> None:
    assert verdict(BROKEN, problem(503), soft="catalog->redis") is Verdict.FAIL


@pytest.mark.parametrize(
    "exchange",
    [
        problem(503, headers={}),
        problem(503, kind="text/html"),
        answer(None, trouble=Trouble.TIMEOUT, took_s=1.1),
        answer(None, trouble=Trouble.RESET),
        answer(500),
        problem(404),
        answer(body={}),
    ],
)
def test_any_other_way_to_break_it_fails(exchange: Exchange) -> None:
    assert verdict(BROKEN, exchange) is Verdict.FAIL


def test_a_refusal_that_is_not_declared_fails() -> None:
    found = held(SUBJECT, BROKEN, [(ASKED, problem(503))], due=lambda _: Due(deadline_s=1.0, documented=True))
    assert found.verdict is Verdict.FAIL


def test_what_nobody_verified_is_unknown() -> None:
    assert verdict(None) is Verdict.UNKNOWN
    assert verdict(replace(BROKEN, verdict=Verdict.UNKNOWN), answer()) is Verdict.UNKNOWN

"""Whether a consumer copes with a valid answer: what it must not be excused for, and what it must not be blamed for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import JsonValue

from harness.checkers.clean_class import clean_class
from harness.checkers.coping import coped
from harness.checkers.trial import Crossed, Owed, Trial
from harness.model.fault import Armed, Healed, HealedBy
from harness.model.matrix import Cell, Kind, Rule
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble, Visit

OWED = Owed(deadline_s=1.0)


def visit(  # noqa: PLR0913 -- what the cases vary
    document: JsonValue = None,
    *,
    status: int | None = 200,
    trouble: Trouble | None = None,
    took_s: float = 0.1,
    failed: str | None = None,
    body: bytes | None = None,
) -> Visit:
    exchange = Exchange(
        step="GET /page",
        method="GET",
        path="/page",
        request_body=b"",
        status=status,
        headers={"content-type": "application/json"},
        body=json.dumps(document or {"title": "tea", "items": [1]}).encode() if body is None else body,
        trouble=trouble,
        took_s=took_s,
        degraded=False,
    )
    return Visit(journey="browse", exchanges=(exchange,), failed=failed)


def trial(seen: Visit) -> Trial:
    return Trial(
        cell=Cell(journey="browse", edge="web->stock", kind=Kind.ANSWER),
        clean=clean_class("browse", [visit(), visit()], deadline_s=1.0),
        armed=Armed(in_force=True, evidence="", took_s=0.0),
        visits=(seen,),
        crossed=Crossed(count=1, visits=1),
        healed=Healed(verified=True, by=HealedBy.REMOVED, evidence="", took_s=0.0),
        recovered_s=0.1,
    )


@pytest.mark.parametrize(
    "seen",
    [
        visit(),
        visit({"title": "tea"}),
        visit({"title": "tea", "items": [], "more": None}),
        visit({"title": "tea", "items": []}, failed="there is nothing to choose from"),
        visit(status=404),
    ],
)
def test_what_looks_different_or_says_that_there_is_nothing_is_no_failure(seen: Visit) -> None:
    assert coped(trial(seen), OWED).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        (visit(status=500), Rule.ERROR),
        (visit(status=503), Rule.ERROR),
        (visit(status=502), Rule.ERROR),
        (visit(status=None, trouble=Trouble.TIMEOUT), Rule.HANG),
        (visit(took_s=2.0), Rule.HANG),
        (visit(status=None, trouble=Trouble.RESET), Rule.BROKEN),
        (visit(body=b"oops"), Rule.BODY),
        (visit(body=b""), Rule.BODY),
        (visit(body=b"[]"), Rule.BODY),
    ],
)
def test_no_refusal_no_hang_and_no_broken_answer_is_excused(seen: Visit, rule: Rule) -> None:
    found = coped(trial(seen), OWED)
    assert found.verdict is Verdict.FAIL
    assert rule in {each.rule for each in found.findings}


def test_an_answer_that_breaks_the_consumer_s_own_document_fails() -> None:
    found = coped(trial(visit()), OWED, undeclared=["GET /page: $.title: None is not of type 'string'"])
    assert (found.verdict, found.findings[0].rule) == (Verdict.FAIL, Rule.DOCUMENT)


def test_one_that_is_not_well_again_with_healthy_answers_fails() -> None:
    found = coped(replace(trial(visit()), recovered_s=None, ill="500"), OWED)
    assert (found.verdict, found.findings[0].rule) == (Verdict.FAIL, Rule.RECOVERY)


@pytest.mark.parametrize("seen", [visit(), visit(status=500)])
def test_what_never_reached_the_consumer_is_unknown_whatever_was_seen(seen: Visit) -> None:
    found = coped(replace(trial(seen), crossed=Crossed(count=0, visits=1)), OWED)
    assert (found.verdict, found.findings[0].rule) == (Verdict.UNKNOWN, Rule.NOT_CROSSED)


def test_trouble_of_the_harness_is_unknown() -> None:
    found = coped(replace(trial(visit(status=500)), trouble="the relay is gone"), OWED)
    assert (found.verdict, found.findings[0].rule) == (Verdict.UNKNOWN, Rule.HARNESS)

"""Trials to judge: exchanges, visits, and cells in which all went well unless a test says otherwise."""

from __future__ import annotations

import json
from dataclasses import replace

from pydantic import JsonValue

from harness.checkers.cells import judge
from harness.checkers.clean_class import CleanClass, clean_class
from harness.checkers.trial import Crossed, Owed, Trial
from harness.model.fault import Armed, Healed, HealedBy
from harness.model.matrix import Cell, CellVerdict, Kind, Rule
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble, Visit

DEADLINE_S = 1.0
FULL: JsonValue = {"id": 1, "name": "tea", "offers": [{"sku": "a", "price": 3}]}
JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}


def got(  # noqa: PLR0913 -- one keyword for each part of an exchange
    status: int | None = 200,
    document: JsonValue = FULL,
    *,
    method: str = "GET",
    path: str = "/",
    step: str = "",
    body: bytes | None = None,
    took_s: float = 0.01,
    trouble: Trouble | None = None,
    degraded: bool = False,
    headers: dict[str, str] | None = None,
) -> Exchange:
    """One exchange; by default it went well."""
    return Exchange(
        step=step or f"{method} {path}",
        method=method,
        path=path,
        request_body=b"",
        status=status,
        headers=JSON_HEADERS if headers is None else headers,
        body=json.dumps(document).encode() if body is None else body,
        trouble=trouble,
        took_s=took_s,
        degraded=degraded,
    )


def visit(*exchanges: Exchange, failed: str | None = None) -> Visit:
    """One visit."""
    return Visit(journey="browse", exchanges=exchanges or (got(),), failed=failed)


def clean(*visits: Visit) -> CleanClass:
    """The class of some visits without a fault, by default of three that went well."""
    return clean_class("browse", visits or (visit(), visit(), visit()), deadline_s=DEADLINE_S)


TRIAL = Trial(
    cell=Cell(journey="browse", edge="web->stock", kind=Kind.RESET),
    clean=clean(),
    armed=Armed(in_force=True, evidence="it bites", took_s=0.1),
    visits=(visit(), visit()),
    crossed=Crossed(count=2, usual=1.0),
    healed=Healed(verified=True, by=HealedBy.REMOVED, evidence="it answers", took_s=0.1),
    recovered_s=0.0,
)
OWED = Owed(deadline_s=DEADLINE_S)


def under(*visits: Visit, kind: Kind = Kind.RESET, owed: Owed = OWED, trial: Trial = TRIAL) -> CellVerdict:
    """The verdict on a trial whose customers got this."""
    changed = replace(trial, visits=visits, cell=replace(trial.cell, kind=kind))
    return judge(changed, owed)


def rules(result: CellVerdict) -> list[Rule]:
    """The rules that did not hold."""
    return [each.rule for each in result.findings]


def failed(result: CellVerdict, rule: Rule) -> bool:
    """Whether it is refuted by this rule alone."""
    return result.verdict is Verdict.FAIL and rules(result) == [rule]


def doubted(result: CellVerdict, rule: Rule) -> bool:
    """Whether nobody knows, because of this rule."""
    return result.verdict is Verdict.UNKNOWN and rules(result) == [rule]

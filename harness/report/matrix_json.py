"""`matrix.json`: the resilience matrix for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from harness.model.events import Event
from harness.model.matrix import MATRIX_FORMAT, Cell, CellVerdict, Proposal
from harness.model.shrunk import LatencyBudget, Shrunk
from harness.report.matrix_story import MatrixJourney, in_a_word
from harness.report.tell import tell
from harness.report.whole import put

FILE_NAME = "matrix.json"
_CELL = TypeAdapter(CellVerdict)
_UNTESTED = TypeAdapter(Cell)
_PROPOSAL = TypeAdapter(Proposal)
_SHRUNK = TypeAdapter(Shrunk)
_BUDGET = TypeAdapter(LatencyBudget)


def write(events: Sequence[Event], directory: Path) -> Path:
    """Write `matrix.json` into the directory and say where it is."""
    return put(directory / FILE_NAME, json.dumps(table(events), indent=1, ensure_ascii=False) + "\n")


def table(events: Sequence[Event]) -> dict[str, JsonValue]:
    """The matrix of a journal; without journeys when it has none.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    story = tell(events)
    matrix = story.matrix
    outlook = matrix.outlook if matrix else None
    figures: dict[str, JsonValue] = {**outlook.figures} if outlook else {}
    return {
        "format": MATRIX_FORMAT,
        "system": story.header.system,
        "run": story.header.run,
        "seed": story.header.seed,
        "verdict": story.verdict.value,
        "reason": story.reason,
        "kinds": [kind.value for kind in matrix.kinds] if matrix else [],
        "journeys": [_journey(each) for each in matrix.journeys] if matrix else [],
        "edges": [_PROPOSAL.dump_python(each, mode="json") for each in outlook.proposals] if outlook else [],
        "cells": [_cell(each) for each in matrix.cells] if matrix else [],
        "untested": [_UNTESTED.dump_python(each, mode="json") for each in outlook.untested] if outlook else [],
        "shrunk": [_SHRUNK.dump_python(each, mode="json") for each in matrix.shrunk] if matrix else [],
        "latency_budget": [_BUDGET.dump_python(each, mode="json") for each in matrix.budgets] if matrix else [],
        "figures": figures,
    }


def _journey(journey: MatrixJourney) -> dict[str, JsonValue]:
    seen = journey.crossings
    return {
        "name": journey.name,
        "clean": not seen.trouble if seen else None,
        "trouble": seen.trouble if seen else "",
        "placebo": journey.placebo.verdict.value if journey.placebo else None,
        "crosses": [*seen.edges] if seen else [],
        "crosses_under_a_fault": [*seen.under_fault] if seen else [],
        "never_seen_to_cross": [*seen.not_seen] if seen else [],
        "crossings_counted": seen.counted if seen else None,
    }


def _cell(result: CellVerdict) -> dict[str, JsonValue]:
    dumped: dict[str, JsonValue] = _CELL.dump_python(result, mode="json")
    cell = dumped.pop("cell")
    return {**(cell if isinstance(cell, dict) else {}), "word": in_a_word(result), **dumped}

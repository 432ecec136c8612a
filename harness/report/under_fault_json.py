"""`under-fault.json`: what was found of the contracts under fault, for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from harness.errors import HarnessError
from harness.model.events import Event
from harness.model.finding import Finding, Part
from harness.report.matrix_json import table
from harness.report.tell import tell

FORMAT = 1
_FINDING = TypeAdapter(Finding)


def write(events: Sequence[Event], path: Path) -> Path:
    """Write the file; raises HarnessError when that can't be done."""
    text = json.dumps(document(events), indent=1, ensure_ascii=False) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}; the findings are in the run's journal"
        raise HarnessError(message) from error
    return path


def document(events: Sequence[Event]) -> dict[str, JsonValue]:
    """The table of cells, and each finding with its curl line apart.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    story = tell(events)
    whole = table(events)
    services = whole.pop("journeys")
    del whole["edges"]
    found = [each.finding for each in story.told if each.finding.part is Part.MATRIX]
    return {**whole, "format": FORMAT, "services": services, "findings": [_finding(each) for each in found]}


def _finding(finding: Finding) -> dict[str, JsonValue]:
    dumped: dict[str, JsonValue] = _FINDING.dump_python(finding, mode="json")
    line = next((each for each in finding.evidence if each.startswith("curl ")), "")
    operation = finding.subject.partition(" of ")[0] if line else ""
    return {**dumped, "operation": operation, "curl": line}

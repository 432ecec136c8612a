"""`capacity.json`: how much a system bears, for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from harness.model.capacity import CAPACITY_FORMAT, Capacity
from harness.model.events import Event
from harness.report.tell import tell
from harness.report.whole import put

FILE_NAME = "capacity.json"
_CAPACITY = TypeAdapter(Capacity)


def write(events: Sequence[Event], directory: Path) -> Path:
    """Write `capacity.json` into the directory and say where it is."""
    return put(directory / FILE_NAME, json.dumps(table(events), indent=1, ensure_ascii=False) + "\n")


def table(events: Sequence[Event]) -> dict[str, JsonValue]:
    """What was found out; raises JournalError if the events do not begin with `run-started`."""
    story = tell(events)
    found: dict[str, JsonValue] = _CAPACITY.dump_python(story.capacity, mode="json") if story.capacity else {}
    return {
        "format": CAPACITY_FORMAT,
        "system": story.header.system,
        "run": story.header.run,
        "seed": story.header.seed,
        "verdict": story.verdict.value,
        "reason": story.reason,
        **found,
    }

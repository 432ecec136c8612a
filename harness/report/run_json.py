"""`report.json`: a whole run for other programs: its verdict, experiments, findings, matrix and capacity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from harness.model.events import Event, RunStarted
from harness.model.finding import Finding
from harness.model.measures import Measures
from harness.report import capacity_json, matrix_json
from harness.report.story import ExperimentStory, InjectionStory, RunStory, Told
from harness.report.summary import parts_of, why
from harness.report.tell import tell
from harness.report.whole import put

FILE_NAME = "report.json"
FORMAT = 1
_HEADER = TypeAdapter(RunStarted)
_FINDING = TypeAdapter(Finding)
_MEASURES = TypeAdapter(Measures | None)


def write(events: Sequence[Event], directory: Path) -> Path:
    """Write `report.json` into the directory and say where it is."""
    return put(directory / FILE_NAME, json.dumps(document(events), indent=1, ensure_ascii=False) + "\n")


def document(events: Sequence[Event]) -> dict[str, JsonValue]:
    """The run as one value; `cut` when the journal ends before the run did.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    story = tell(events)
    header: dict[str, JsonValue] = _HEADER.dump_python(story.header, mode="json", exclude={"type", "format"})
    return {
        "format": FORMAT,
        **header,
        "verdict": story.verdict.value,
        "reason": story.reason,
        "why": why(story),
        "exit_code": story.ended.exit_code if story.ended else story.verdict.exit_code,
        "cut": story.cut,
        "seconds": story.last_t,
        "parts": _parts(story),
        "experiments": [_experiment(each) for each in story.experiments],
        "findings": [_finding(story, each) for each in story.told],
        "versions": [
            {
                "consumer": each.consumer,
                "consumer_version": each.consumer_version,
                "provider": each.provider,
                "provider_version": each.provider_version,
            }
            for each in story.versions.values()
        ],
        "notes": [{"t": each.t, "message": each.message, "figures": {**each.figures}} for each in story.notes],
        "matrix": matrix_json.table(events) if story.matrix else None,
        "capacity": capacity_json.table(events) if story.capacity else None,
    }


def _parts(story: RunStory) -> list[JsonValue]:
    return [
        {
            "name": each.name,
            "verdict": each.verdict.value if each.verdict else None,
            "passed": each.passed,
            "unknown": each.unknown,
            "failed": each.failed,
        }
        for each in parts_of(story)
    ]


def _experiment(experiment: ExperimentStory) -> dict[str, JsonValue]:
    started, ended = experiment.started, experiment.ended
    return {
        "name": experiment.name,
        "hypothesis": started.hypothesis,
        "role": str(started.role),
        "source": started.source,
        "start": started.t,
        "end": ended.t if ended else None,
        "verdict": experiment.verdict.value,
        "recovery_s": ended.recovery_s if ended else None,
        "expectations": {**started.expectations},
        "injections": [_injection(each) for each in experiment.injections],
        "windows": [{"kind": each.kind.value, "start": each.start, "end": each.end} for each in experiment.windows],
        "figures": [
            {
                "window": row.kind.value,
                "journey": row.journey,
                "ok": row.ok,
                "degraded": row.degraded,
                "failed": row.failed,
                "unknown": row.unknown,
                "p50_s": row.p50_s,
                "p99_s": row.p99_s,
            }
            for row in experiment.table
        ],
        "measures": _MEASURES.dump_python(experiment.measures, mode="json"),
    }


def _injection(injection: InjectionStory) -> dict[str, JsonValue]:
    return {
        "what": injection.what,
        "target": injection.target,
        "edge": injection.edge,
        "armed_at": injection.armed_at,
        "healed_at": injection.healed_at,
    }


def _finding(story: RunStory, told: Told) -> dict[str, JsonValue]:
    dumped: dict[str, JsonValue] = _FINDING.dump_python(told.finding, mode="json")
    return {
        **dumped,
        "t": told.t,
        "owner": story.owner(told.finding),
        "critical": told.critical,
        "blames": told.blames,
        "derived": told.derived,
    }

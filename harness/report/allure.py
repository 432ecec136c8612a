"""Allure 2 results: one JSON file a case, with ids that stay the same from run to run."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.model.events import Event
from harness.model.finding import Part
from harness.model.verdict import Verdict
from harness.report import html
from harness.report.cases import Case, cases_of
from harness.report.junit import about
from harness.report.story import RunStory
from harness.report.tell import tell
from harness.report.whole import put
from harness.report.words import instant, printable

DIRECTORY_NAME = "allure-results"

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "harness:allure")
_OURS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}-(result\.json|globals\.json|attachment\.(txt|html))"
)
"""Files that an earlier call wrote: ids of this kind are made of names, those of others by chance."""
_STATUS = {Verdict.PASS: "passed", Verdict.UNKNOWN: "broken", Verdict.FAIL: "failed"}
_EPICS = {Part.PACTS: "Contracts", Part.FUZZ: "Contracts", Part.LOAD: "Load"}
_LAYERS = {
    Part.PACTS: "contract",
    Part.FUZZ: "contract",
    Part.SAFETY: "invariant",
    Part.LOAD: "load",
    Part.VALIDITY: "harness",
}
_STORIES = {
    Part.PACTS: "pact",
    Part.FUZZ: "fuzzing",
    Part.SAFETY: "safety",
    Part.LOAD: "load",
    Part.VALIDITY: "validity",
}


def write(events: Sequence[Event], directory: Path) -> Path:
    """Write `allure-results/` into the directory and say where it is; what an earlier call wrote there is replaced.

    `report.html`, when it stands in the directory, is attached to the whole run.
    """
    story = tell(events)
    results = directory / DIRECTORY_NAME
    report = directory / html.FILE_NAME
    files = dict(_files(story))
    if report.exists():
        files |= _attached_report(story, report.read_bytes())
    for name, content in files.items():
        put(results / name, content)
    for each in results.iterdir():
        if _OURS.fullmatch(each.name) and each.name not in files:
            each.unlink()
    return results


def render(events: Sequence[Event]) -> Mapping[str, bytes]:
    """The files of `allure-results/` by name, without the attached report.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    return dict(_files(tell(events)))


def _files(story: RunStory) -> Iterator[tuple[str, bytes]]:
    seen: dict[str, int] = {}
    for case in cases_of(story):
        full_name = f"{story.header.system}: {case.classname}: {case.name}"
        seen[full_name] = seen.get(full_name, 0) + 1
        key = full_name if seen[full_name] == 1 else f"{full_name} ({seen[full_name]})"
        identity = uuid.uuid5(_NAMESPACE, printable(f"{story.header.run} {key}"))
        source = f"{identity}-attachment.txt"
        lines = [*about(case), *([""] if case.evidence else []), *case.evidence]
        if lines:
            yield source, printable("\n".join(lines)).encode()
        result = _result(story, case, str(identity), printable(key), source if lines else "")
        yield f"{identity}-result.json", _json(result)
    yield "environment.properties", _environment(story)


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _milliseconds(story: RunStory, t: float) -> int:
    return round(instant(story.header.wall, t).timestamp() * 1000)


def _result(story: RunStory, case: Case, identity: str, key: str, source: str) -> dict[str, object]:
    lasting = uuid.uuid5(_NAMESPACE, key).hex
    start, stop = case.in_force or (case.start, case.stop)
    trace = "\n".join([*about(case), *case.evidence])
    return {
        "uuid": identity,
        "historyId": lasting,
        "testCaseId": lasting,
        "fullName": key,
        "name": printable(case.name),
        "description": printable(case.message),
        "status": "skipped" if case.excused else _STATUS[case.verdict],
        "statusDetails": {
            "message": printable(case.message),
            "trace": printable(trace) if case.verdict is not Verdict.PASS else "",
        },
        "stage": "finished",
        "start": _milliseconds(story, start),
        "stop": _milliseconds(story, stop),
        "labels": [{"name": name, "value": printable(value)} for name, value in _labels(story, case) if value],
        "parameters": [],
        "links": [],
        "steps": [],
        "titlePath": [printable(story.header.system), printable(case.suite)],
        "attachments": [{"name": "evidence", "source": source, "type": "text/plain"}] if source else [],
    }


def _labels(story: RunStory, case: Case) -> Iterator[tuple[str, str]]:
    yield "epic", _EPICS.get(case.part, "Resilience")
    yield "feature", case.edge or case.service or case.suite
    yield "story", case.fault or _STORIES.get(case.part, case.suite)
    yield "suite", case.suite
    yield "owner", case.owner
    yield "layer", _LAYERS.get(case.part, "system")
    yield "severity", _severity(case)
    yield "host", story.header.system
    # Threads are the lanes of Allure's timeline: one for each place shows the faults side by side. What has none is not
    # drawn, and of several that begin at once only one is, whichever comes first.
    yield "thread", case.lane
    yield "framework", "harness"


def _severity(case: Case) -> str:
    if case.part is Part.SAFETY or case.suite == "run":
        return "blocker"
    if case.critical or case.part is Part.PACTS:
        return "critical"
    return "minor" if case.part is Part.VALIDITY else "normal"


def _environment(story: RunStory) -> bytes:
    header = story.header
    known = {"run": header.run, "seed": str(header.seed), "harness": header.harness, "python": header.python}
    lines = {**known, **header.tools, "command": header.command}
    return "".join(f"{_property(name)}={_property(value)}\n" for name, value in lines.items()).encode()


def _property(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("\n", " ").replace("=", "\\=").replace(":", "\\:")


def _attached_report(story: RunStory, report: bytes) -> dict[str, bytes]:
    identity = uuid.uuid5(_NAMESPACE, printable(f"{story.header.run} report"))
    source = f"{identity}-attachment.html"
    entry = {
        "name": "report.html",
        "source": source,
        "type": "text/html",
        "timestamp": _milliseconds(story, story.last_t),
    }
    return {source: report, f"{identity}-globals.json": _json({"attachments": [entry], "errors": []})}

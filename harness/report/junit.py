"""JUnit XML, as CI servers read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.model.events import Event
from harness.model.verdict import Verdict
from harness.report.cases import Case, cases_of
from harness.report.story import RunStory
from harness.report.tell import tell
from harness.report.whole import put
from harness.report.words import instant, printable

FILE_NAME = "junit.xml"
INCONCLUSIVE = "Inconclusive"
"""The type of the error that an UNKNOWN is."""


def write(events: Sequence[Event], directory: Path) -> Path:
    """Write `junit.xml` into the directory and say where it is."""
    return put(directory / FILE_NAME, render(events))


def render(events: Sequence[Event]) -> bytes:
    """The document: a FAIL is a failure, an UNKNOWN an error.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    story = tell(events)
    cases = cases_of(story)
    suites: dict[str, list[Case]] = {}
    for case in cases:
        suites.setdefault(case.suite, []).append(case)
    root = ET.Element("testsuites", _counts(cases) | {"name": printable(story.header.system)})
    root.set("time", f"{story.last_t:.3f}")
    root.extend(_suite(story, name, members) for name, members in suites.items())
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    verdicts = [Verdict.PASS if case.excused else case.verdict for case in cases]
    return {
        "tests": f"{len(verdicts)}",
        "failures": f"{verdicts.count(Verdict.FAIL)}",
        "errors": f"{verdicts.count(Verdict.UNKNOWN)}",
    }


def _suite(story: RunStory, name: str, cases: Sequence[Case]) -> ET.Element:
    start, stop = min(case.start for case in cases), max(case.stop for case in cases)
    at = instant(story.header.wall, start).strftime("%Y-%m-%dT%H:%M:%S")
    attributes = {
        "name": printable(name),
        **_counts(cases),
        "skipped": str(sum(bool(case.excused) for case in cases)),
        "time": f"{stop - start:.3f}",
    }
    suite = ET.Element("testsuite", attributes | {"timestamp": at})
    properties = ET.SubElement(suite, "properties")
    for key, value in (("run", story.header.run), ("seed", str(story.header.seed)), ("command", story.header.command)):
        ET.SubElement(properties, "property", {"name": key, "value": printable(value)})
    suite.extend(_case(case) for case in cases)
    return suite


def _case(case: Case) -> ET.Element:
    attributes = {"classname": printable(case.classname), "name": printable(case.name)}
    element = ET.Element("testcase", attributes | {"time": f"{case.stop - case.start:.3f}"})
    if case.excused:
        ET.SubElement(element, "skipped", {"message": printable(f"{case.excused} ({case.message})")})
    elif case.verdict is not Verdict.PASS:
        tag, kind = ("failure", case.part.value) if case.verdict is Verdict.FAIL else ("error", INCONCLUSIVE)
        trouble = ET.SubElement(element, tag, {"message": printable(case.message), "type": kind})
        trouble.text = printable("\n".join([case.message, *about(case)]))
    lines = [case.message, *case.evidence] if case.verdict is Verdict.PASS else case.evidence
    if lines:
        ET.SubElement(element, "system-out").text = printable("\n".join(lines))
    return element


def about(case: Case) -> list[str]:
    """Whose a case is, where it was, and how to repeat it, in lines."""
    inferred = " (inferred)" if case.inferred else ""
    told = {
        "owner": f"{case.owner}{inferred}" if case.owner else "",
        "service": case.service,
        "edge": case.edge,
        "fault": case.fault,
        "settle" if case.verdict is Verdict.UNKNOWN else "replay": case.replay,
    }
    return [f"{name}: {value}" for name, value in told.items() if value]

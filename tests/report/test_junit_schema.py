"""JUnit's XML by what the schemas of CI servers have in common: elements, their order, attributes and their forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree as ET

import pytest

from harness.model.events import Event, FindingMade
from harness.report import junit
from tests.report import journals

NUMBER = r"\d+"
TIME = r"\d+\.\d{3}"
"""Without separators of thousands, which some servers take for a decimal point."""
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
"""Without a zone, as the schema of Ant has it."""
TEXT = r"(?s).*"
SOMETHING = r"(?s).+"


@dataclass(frozen=True)
class Form:
    required: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    children: str = ""
    """The names of the children, each followed by a blank, as a pattern."""
    text: bool = False


COUNTS = {"tests": NUMBER, "failures": NUMBER, "errors": NUMBER, "time": TIME}
TROUBLE = Form(required={"message": TEXT, "type": SOMETHING}, text=True)
FORMS = {
    "testsuites": Form({"name": SOMETHING, **COUNTS}, children="(testsuite )*"),
    "testsuite": Form(
        {"name": SOMETHING, **COUNTS, "skipped": NUMBER, "timestamp": MOMENT}, children="properties (testcase )+"
    ),
    "properties": Form(children="(property )+"),
    "property": Form({"name": SOMETHING, "value": TEXT}),
    "testcase": Form(
        {"name": SOMETHING, "classname": SOMETHING, "time": TIME},
        children="((skipped |failure |error )?(system-out )?)",
    ),
    "skipped": Form({"message": TEXT}),
    "failure": TROUBLE,
    "error": TROUBLE,
    "system-out": Form(text=True),
}


def problems(element: ET.Element) -> Iterator[str]:
    form = FORMS.get(element.tag)
    if form is None:
        yield f"{element.tag}: unknown"
        return
    known = form.required | form.optional
    yield from (f"{element.tag}: {name} is missing" for name in form.required if name not in element.attrib)
    for name, value in element.attrib.items():
        if not re.fullmatch(known.get(name, "(?!)"), value):
            yield f"{element.tag}: {name}={value!r}"
    if not re.fullmatch(form.children, "".join(f"{child.tag} " for child in element)):
        yield f"{element.tag}: holds {[child.tag for child in element]}"
    if not form.text and (element.text or "").strip():
        yield f"{element.tag}: text {element.text!r}"
    for child in element:
        yield from problems(child)


def excused() -> list[Event]:
    finding = replace(journals.AVAILABILITY_FAIL, excused="accepted by edge until 2027")
    return [journals.HEADER, FindingMade(t=3_600, finding=finding)]


MADE = (
    journals.clean,
    journals.failing,
    journals.unknown,
    journals.cut,
    journals.hostile,
    journals.of_tests,
    excused,
)


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_every_kind_of_run_is_valid(make: Callable[[], list[Event]]) -> None:
    root = ET.fromstring(junit.render(make()))  # noqa: S314 -- our own document
    assert root.tag == "testsuites"
    assert list(problems(root)) == []


def test_what_is_excused_is_skipped_and_counted_as_such() -> None:
    root = ET.fromstring(junit.render(excused()))  # noqa: S314 -- our own document
    suite = next(each for each in root if each.find(".//skipped") is not None)
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("0", "1")


@pytest.mark.parametrize(
    ("spoilt", "by", "told"),
    [
        (b"<testcase ", b'<testcase owner="me" ', "testcase: owner='me'"),
        (b'time="', b'time="1,', "time='1,"),
        (b"<system-out>", b"<system-out/><system-out>", "holds ['system-out', 'system-out']"),
        (b' timestamp="', b' at="', "timestamp is missing"),
        (b"<properties>", b"<owner/><properties>", "owner: unknown"),
    ],
)
def test_what_a_schema_would_refuse_is_noticed(spoilt: bytes, by: bytes, told: str) -> None:
    text = junit.render(journals.clean())
    assert spoilt in text
    found = "\n".join(problems(ET.fromstring(text.replace(spoilt, by))))  # noqa: S314 -- our own document
    assert told in found

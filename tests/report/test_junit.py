from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.model.events import Event
from harness.report import junit
from tests.report import journals

SUITES = {"name", "tests", "failures", "errors", "time"}
SUITE = {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}
CASE = {"name", "classname", "time"}
IN_CASE = ("failure", "error", "system-out")


def suites(events: list[Event]) -> ET.Element:
    return ET.fromstring(junit.render(events))  # noqa: S314 -- our own document


@pytest.mark.parametrize("make", [journals.clean, journals.failing, journals.unknown, journals.cut, journals.hostile])
def test_the_document_has_the_structure_that_ci_servers_read(make: Callable[[], list[Event]]) -> None:
    root = suites(make())
    assert (root.tag, set(root.attrib)) == ("testsuites", SUITES)
    for suite in root:
        assert (suite.tag, set(suite.attrib)) == ("testsuite", SUITE)
        assert suite[0].tag == "properties"
        for case in suite[1:]:
            assert (case.tag, set(case.attrib)) == ("testcase", CASE)
            tags = [child.tag for child in case]
            assert tags == sorted(tags, key=IN_CASE.index)
            assert len(tags) == len(set(tags))


@pytest.mark.parametrize("make", [journals.failing, journals.cut])
def test_the_counts_are_those_of_the_cases(make: Callable[[], list[Event]]) -> None:
    root = suites(make())
    for element in (root, *root):
        assert int(element.attrib["tests"]) == len(element.findall(".//testcase"))
        assert int(element.attrib["failures"]) == len(element.findall(".//failure"))
        assert int(element.attrib["errors"]) == len(element.findall(".//error"))


def test_a_clean_run_has_neither_failures_nor_errors() -> None:
    root = suites(journals.clean())
    assert (root.attrib["failures"], root.attrib["errors"]) == ("0", "0")


def test_a_fail_is_a_failure_with_owner_and_replay() -> None:
    failure = suites(journals.failing()).find(".//testcase[@name='availability: browse']/failure")
    assert failure is not None
    assert failure.attrib["type"] == "resilience"
    assert "owner: edge (inferred)" in (failure.text or "")
    assert "replay: harness run" in (failure.text or "")


def test_an_unknown_is_an_inconclusive_error() -> None:
    errors = suites(journals.failing()).findall(".//error")
    assert [error.attrib["type"] for error in errors] == ["Inconclusive"]


def test_a_cut_journal_cannot_be_green() -> None:
    root = suites(journals.cut())
    names = [case.attrib["name"] for case in root.iter("testcase") if case.find("error") is not None]
    assert names == ["the run's verdict", "experiment"]


def test_trouble_that_a_control_wants_is_no_failure() -> None:
    assert suites(journals.clean()).findall(".//failure") == []
    control = suites(journals.clean()).find(".//testcase[@name='positive control']/system-out")
    assert control is not None
    assert "FAIL availability, browse: 100% bad" in (control.text or "")


def test_evidence_stands_in_system_out() -> None:
    out = suites(journals.failing()).find(".//testcase[@name='fuzz: POST /quotes']/system-out")
    assert out is not None
    assert (out.text or "").startswith("curl -X POST")


def test_control_characters_are_written_out() -> None:
    assert b"\x1b" not in junit.render(journals.hostile())
    assert b"\\x1b[31m]]&gt;&amp;" in junit.render(journals.hostile())


def test_it_is_written_where_it_says(tmp_path: Path) -> None:
    path = junit.write(journals.clean(), tmp_path / "run")
    assert tmp_path / "run" / "junit.xml" == path
    assert junit.render(journals.clean()) == path.read_bytes()

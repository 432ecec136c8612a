from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model.events import Event, ExperimentEnded, ExperimentStarted, FindingMade, InjectionArmed
from harness.model.experiment import Role
from harness.model.fault import Armed
from harness.model.verdict import Verdict
from harness.report import terminal
from tests.report import journals

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("make", [journals.clean, journals.failing, journals.unknown, journals.cut, journals.hostile])
def test_no_line_is_wider_than_a_hundred_columns(make: Callable[[], list[Event]]) -> None:
    lines = terminal.render(make(), colour=False).splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_without_colour_it_is_plain() -> None:
    assert "\x1b" not in terminal.render(journals.failing(), colour=False)
    assert "\x1b" not in terminal.render(journals.hostile(), colour=False)


def test_colour_changes_nothing_but_colour() -> None:
    coloured = terminal.render(journals.failing(), colour=True)
    assert terminal.render(journals.failing(), colour=False) == ESCAPE.sub("", coloured) != coloured


def test_it_ends_with_the_verdict_its_owner_and_the_report() -> None:
    text = terminal.render(journals.failing(), colour=False, report=Path("/somewhere/report.html"))
    last = text.split("\n\n")[-1]
    assert last.startswith("✕ FAIL\n  why       nobody charged twice")
    assert "  whose     payments\n" in last
    assert last.endswith("  report    /somewhere/report.html\n")


def test_findings_that_passed_are_not_listed() -> None:
    assert "What did not pass" not in terminal.render(journals.clean(), colour=False)


def test_phases_are_listed_with_their_times() -> None:
    assert re.search(r"  fuzz +38\.0 s  7 documents", terminal.render(journals.clean(), colour=False))


def test_a_wrapped_command_can_be_pasted() -> None:
    text = terminal.render(journals.failing(), colour=False)
    assert "--only \\\n              'payments killed and restarted'" in text


def test_more_findings_than_a_screen_holds_are_counted() -> None:
    findings = [replace(journals.AVAILABILITY_FAIL, subject=f"journey {number}") for number in range(23)]
    events: list[Event] = [journals.HEADER, *(FindingMade(t=1, finding=finding) for finding in findings)]
    assert "  and 3 more findings in the report" in terminal.render(events, colour=False)


def test_a_fault_on_an_edge_with_long_names_is_told_whole_on_its_line() -> None:
    what = "gateway → recommendations under latency 1 s"
    text = terminal.render(a_trial("catalog-instance-truncates", what), colour=False)
    assert re.search(rf"^  catalog-instance-truncates .* {what}$", text, re.MULTILINE)


def test_one_fault_on_many_edges_is_told_once() -> None:
    targets = [f"gateway → provider-{number}" for number in range(3)]
    text = terminal.render(a_trial("placebo", *(f"{each} under nothing (placebo)" for each in targets)), colour=False)
    told = " ".join(text.partition("\n  placebo")[2].partition("\n\n")[0].split())
    assert told.endswith("gateway → provider-0, gateway → provider-1, gateway → provider-2 under nothing (placebo)")


def a_trial(name: str, *faults: str) -> list[Event]:
    started = ExperimentStarted(
        t=1, name=name, hypothesis="", role=Role.EXPERIMENT, source="", injections=faults, expectations={}
    )
    armed = Armed(in_force=True, evidence="", took_s=0.01)
    arming = [
        InjectionArmed(t=2, experiment=name, injection=f"{number}", what=what, armed=armed)
        for number, what in enumerate(faults)
    ]
    ended = ExperimentEnded(t=9, name=name, verdict=Verdict.PASS, recovery_s=1.0)
    return [journals.HEADER, started, *arming, ended]

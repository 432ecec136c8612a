from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import JournalError
from harness.model.events import Event, FindingMade, RunEnded
from harness.model.verdict import Verdict
from harness.report import github
from harness.report.github import Annotation, Level
from tests.report import journals


def failures(number: int) -> list[Event]:
    made = (
        FindingMade(t=1, finding=replace(journals.AVAILABILITY_FAIL, subject=f"journey {each}"))
        for each in range(number)
    )
    return [journals.HEADER, *made, RunEnded(t=2, verdict=Verdict.FAIL, reason="it fell over", exit_code=1)]


def test_a_clean_run_has_nothing_to_annotate() -> None:
    assert github.annotated(journals.clean()) == []


def test_errors_come_before_warnings_and_the_worst_before_the_others() -> None:
    found = github.annotated(journals.failing())
    assert [each.level for each in found] == [Level.ERROR, Level.ERROR, Level.ERROR, Level.WARNING]
    assert found[0].title.startswith("FAIL: at most once: nobody charged twice in ")


def test_an_annotation_says_whose_it_is_and_how_to_repeat_it() -> None:
    found = next(each for each in github.annotated(journals.failing()) if "availability: browse" in each.title)
    assert "Owner: edge (inferred)" in found.message
    assert "Replay: harness run" in found.message


def test_a_cut_journal_is_a_warning() -> None:
    found = github.annotated(journals.cut())
    assert found[0].level is Level.WARNING
    assert "cut short" in found[0].message


def test_what_is_excused_is_a_notice() -> None:
    finding = replace(journals.AVAILABILITY_FAIL, excused="accepted until 2027 by edge")
    passed = RunEnded(t=2, verdict=Verdict.PASS, reason="all held", exit_code=0)
    found = github.annotated([journals.HEADER, FindingMade(t=1, finding=finding), passed])
    assert [each.level for each in found] == [Level.NOTICE]
    assert found[0].message.startswith("accepted until 2027 by edge")


def test_ten_of_a_level_are_all_shown() -> None:
    found = github.annotated(failures(github.MOST_OF_A_LEVEL))
    assert [each.title for each in found if each.title == "and more"] == []
    assert len(found) == github.MOST_OF_A_LEVEL


def test_what_github_would_drop_is_counted_in_the_last_one() -> None:
    found = github.annotated(failures(14))
    assert len(found) == github.MOST_OF_A_LEVEL
    assert found[-1].message == "5 more errors left out: see the summary and the report."


def test_a_text_cannot_become_a_command_or_a_property() -> None:
    line = Annotation(level=Level.ERROR, title="a: b, c%", message="one\n::set-output x\r100%").command()
    assert line == "::error title=a%3A b%2C c%25::one%0A::set-output x\\x0d100%25"
    hostile = [each.command() for each in github.annotated(journals.hostile("x\n::stop-commands::y"))]
    assert hostile
    assert not any("\n" in each or "\x1b" in each for each in hostile)


def test_a_long_message_is_shortened() -> None:
    line = Annotation(level=Level.ERROR, title="t", message="x" * 5_000).command()
    assert line.endswith("…")
    assert len(line) < github.MAX_MESSAGE_CHARS + 50


def test_the_summary_has_the_verdict_and_the_graph(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    github.append_summary(journals.failing(), file)
    text = file.read_text()
    assert text.startswith("# ✕ FAIL: shop\n")
    assert "\n```mermaid\nflowchart LR\n" in text


def test_a_second_run_of_a_step_is_added_to_the_first(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    github.append_summary(journals.clean(), file)
    github.append_summary(journals.failing(), file)
    text = file.read_text()
    assert text.index("# ✓ PASS: shop") < text.index("# ✕ FAIL: shop")


@pytest.mark.parametrize(("room", "fits"), [(20_000, True), (2_000, True), (500, False)])
def test_a_step_is_never_told_more_than_github_takes(tmp_path: Path, room: int, *, fits: bool) -> None:
    file = tmp_path / "summary"
    file.write_bytes(b"x" * (github.MAX_SUMMARY_BYTES - room))
    assert bool(github.append_summary(journals.failing(), file)) is fits
    assert file.stat().st_size <= github.MAX_SUMMARY_BYTES


def test_a_summary_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="GITHUB_STEP_SUMMARY"):
        github.append_summary(journals.clean(), tmp_path / "nowhere" / "summary")


def test_a_long_reason_does_not_push_out_whose_it_is() -> None:
    finding = replace(journals.AVAILABILITY_FAIL, reason="x" * 2_000)
    found = github.annotated([journals.HEADER, FindingMade(t=1, finding=finding)])[0]
    assert "…\nOwner: edge (inferred)\nReplay: harness run" in found.message
    assert len(found.message) < github.MAX_MESSAGE_CHARS


def test_what_a_run_without_findings_said_comes_with_its_command() -> None:
    (found,) = github.annotated([journals.HEADER, RunEnded(t=2, verdict=Verdict.UNKNOWN, reason="blind", exit_code=2)])
    assert found.title == "UNKNOWN: shop"
    assert found.message.splitlines()[1] == f"Run it again with: {journals.HEADER.command}"


def test_a_finding_on_its_experiment_names_it_once() -> None:
    finding = replace(journals.RECOVERY_UNKNOWN, subject="one", experiment="one")
    titles = [each.title for each in github.annotated([journals.HEADER, FindingMade(t=1, finding=finding)])]
    assert titles[1] == "UNKNOWN: recovery: one"

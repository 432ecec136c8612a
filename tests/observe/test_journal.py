import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness import __version__
from harness.errors import JournalError
from harness.model.events import RunStarted, to_json
from harness.model.load_events import Noted
from harness.observe.journal import Journal, journal_of, read_journal

START = RunStarted(
    run="r", system="s", wall="2026-01-01T00:00:00+00:00", seed=1, command="harness run", harness="0", python="3",
    tools={}, owners={}, edges=(), journeys=(),
)  # fmt: skip


def written(file: Path) -> None:
    journal = Journal(file)
    journal.append(START)
    journal.append(Noted(t=1.0, message="a\nb"))
    journal.close()


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    written(tmp_path / "j")
    found = read_journal(tmp_path / "j")
    assert found.events == (START, Noted(t=1.0, message="a\nb"))
    assert not found.cut


def test_secrets_are_written_nowhere_and_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", redact=lambda text: text.replace("s3cr3t", "***"))
    journal.append(START)
    assert journal.append(Noted(t=1.0, message="sent s3cr3t")) == Noted(t=1.0, message="sent ***")
    journal.close()
    assert read_journal(tmp_path / "j").events == (START, Noted(t=1.0, message="sent ***"))
    assert journal.events[1] == Noted(t=1.0, message="sent ***")


def test_the_file_has_its_name_only_with_its_first_line_in_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert not (tmp_path / "j").exists()
    journal.append(START)
    assert [file.name for file in tmp_path.iterdir()] == ["j"]
    assert read_journal(tmp_path / "j").events == (START,)
    journal.close()


def test_a_line_cut_short_is_left_out_and_told(tmp_path: Path) -> None:
    written(tmp_path / "j")
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"type":"noted","t":2.')
    found = read_journal(tmp_path / "j")
    assert len(found.events) == 2
    assert found.cut


def test_a_line_that_is_no_event_is_refused_with_its_place(tmp_path: Path) -> None:
    written(tmp_path / "j")
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"type":"rumour"}\n')
    with pytest.raises(JournalError, match=r"j:3: expected an event"):
        read_journal(tmp_path / "j")


@pytest.mark.parametrize("content", [b"", b'{"type":"noted","t":1.0,"message":""}\n'])
def test_a_file_that_begins_otherwise_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError, match="begins with the start of a run"):
        read_journal(tmp_path / "j")


def test_a_missing_or_unwritable_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="can't be read"):
        read_journal(tmp_path / "nothing")
    with pytest.raises(JournalError, match="can't be written"):
        Journal(tmp_path / "nowhere" / "j")


def test_events_of_some_types_are_passed_over_unread_when_asked(tmp_path: Path) -> None:
    written(tmp_path / "j")
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"type":"observed","journeys":5}\n')
    assert len(read_journal(tmp_path / "j", leave_out=("observed",)).events) == 2
    with pytest.raises(JournalError):
        read_journal(tmp_path / "j", leave_out=("noted",))


@pytest.mark.parametrize(
    ("content", "found"), [(b"", "an empty file"), (b'{"type":"run-st', "nothing but a line that was cut short")]
)
def test_nothing_is_told_as_nothing(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError, match=f"begins with the start of a run, found {found}; name a journal"):
        read_journal(tmp_path / "j")


def test_a_journal_of_another_format_is_refused_whatever_it_says(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(to_json(replace(START, format=2, harness="9.1")) + b'\n{"type":"rumour"}\n')
    said = "is written in format 2, and this harness reads journals of format 1; it was written by harness 9.1"
    with pytest.raises(JournalError, match=re.escape(said)):
        read_journal(tmp_path / "j")


def test_an_event_that_is_not_known_is_told_with_the_version_that_wrote_it(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(to_json(replace(START, harness="9.1")) + b'\n{"type":"rumour"}\n')
    with pytest.raises(JournalError, match=r"j:2: expected an event, .*; it was written by harness 9\.1, and this is "):
        read_journal(tmp_path / "j")
    (tmp_path / "k").write_bytes(to_json(replace(START, harness=__version__)) + b'\n{"type":"rumour"}\n')
    with pytest.raises(JournalError) as refused:
        read_journal(tmp_path / "k")
    assert "written by" not in str(refused.value)


def test_a_run_is_named_by_its_directory_or_its_journal_and_several_are_none(tmp_path: Path) -> None:
    one, other = tmp_path / "runs" / "a", tmp_path / "runs" / "b"
    for each in (one, other):
        each.mkdir(parents=True)
        written(each / "journal.ndjson")
    assert journal_of(one) == journal_of(one / "journal.ndjson") == one / "journal.ndjson"
    with pytest.raises(
        JournalError, match=f"{tmp_path}: expected one run, found 2 below it; name one, such as {other}"
    ):
        journal_of(tmp_path)


def test_a_run_that_began_at_no_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(to_json(replace(START, wall="yesterday")) + b"\n")
    with pytest.raises(JournalError, match="j:1: expected a time of day in 'wall', found 'yesterday'"):
        read_journal(tmp_path / "j")


@pytest.mark.parametrize("time", ["1e308", "-1e10", "NaN", "Infinity"])
def test_an_event_of_no_time_is_refused_with_its_place(tmp_path: Path, time: str) -> None:
    note = to_json(Noted(t=3.5, message="later")).replace(b"3.5", time.encode())
    (tmp_path / "j").write_bytes(to_json(START) + b"\n" + note + b"\n")
    with pytest.raises(JournalError, match="j:2: expected a time in seconds since the run began, found "):
        read_journal(tmp_path / "j")

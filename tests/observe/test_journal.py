from pathlib import Path

import pytest

from harness.errors import JournalError
from harness.model.events import Noted, RunStarted
from harness.observe.journal import Journal, read_journal

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

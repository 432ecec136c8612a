"""`harness report`, `compare` and `history` on journals of made-up runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.compare import compare
from harness.cli.history import history
from harness.cli.report import report
from harness.errors import HarnessError, JournalError
from harness.model.events import Event, RunStarted, to_json
from tests.report import journals

pytestmark = pytest.mark.usefixtures("_nowhere")


@pytest.fixture
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(directory: Path, events: Sequence[Event], rest: bytes = b"") -> Path:
    directory.mkdir(parents=True)
    lines = b"".join(to_json(each) + b"\n" for each in events)
    (directory / "journal.ndjson").write_bytes(lines + rest)
    return directory


def named(events: Sequence[Event], run: str, wall: str) -> list[Event]:
    header = events[0]
    assert isinstance(header, RunStarted)
    return [replace(header, run=run, wall=wall), *events[1:]]


def test_only_the_formats_that_are_asked_for_are_written(tmp_path: Path) -> None:
    run = written(tmp_path / "run", journals.clean())
    found = CliRunner().invoke(report, [str(run), "--format", "json,html"])
    assert found.exit_code == 0, found.output
    assert sorted(each.name for each in run.iterdir()) == ["journal.ndjson", "report.html", "report.json"]


def test_a_journal_that_is_cut_in_the_middle_of_a_line_is_reported_and_the_cut_is_told(tmp_path: Path) -> None:
    run = written(tmp_path / "run", journals.cut(), b'{"type":"noted","t":1')
    found = CliRunner().invoke(report, [str(run), "--format", "markdown"])
    assert found.exit_code == 0
    assert "the last line is cut short and was left out" in found.output
    assert "cut short" in (run / "summary.md").read_text()


def test_several_journals_get_a_directory_each(tmp_path: Path) -> None:
    one = written(tmp_path / "a", named(journals.clean(), "one", "2026-01-01T00:00:00Z"))
    other = written(tmp_path / "b", named(journals.cut(), "../two", "2026-01-02T00:00:00Z"))
    out = tmp_path / "out"
    found = CliRunner().invoke(report, [str(one), str(other), "--directory", str(out), "--format", "json"])
    assert found.exit_code == 0, found.output
    assert sorted(each.relative_to(out).as_posix() for each in out.rglob("*.json")) == [
        "one/report.json",
        "two/report.json",
    ]


def test_two_reports_never_go_to_the_same_place(tmp_path: Path) -> None:
    run = written(tmp_path / "a", journals.cut())
    found = CliRunner().invoke(report, [str(run), str(run / "journal.ndjson"), "--format", "json"])
    assert isinstance(found.exception, JournalError)
    assert not (run / "report.json").exists()


def test_a_directory_that_can_not_be_written_is_told_and_nothing_is_begun(tmp_path: Path) -> None:
    run = written(tmp_path / "run", journals.cut())
    (tmp_path / "file").write_text("")
    found = CliRunner().invoke(report, [str(run), "--directory", str(tmp_path / "file" / "below")])
    assert isinstance(found.exception, HarnessError)
    assert "name another --directory" in str(found.exception)
    assert "wrote" not in found.output


def test_a_report_whose_place_is_taken_by_a_directory_is_told(tmp_path: Path) -> None:
    run = written(tmp_path / "run", journals.cut())
    (run / "report.json").mkdir()
    found = CliRunner().invoke(report, [str(run), "--format", "json"])
    assert isinstance(found.exception, HarnessError)


@pytest.mark.parametrize("formats", ["xml", "", ","])
def test_a_format_that_is_not_known_is_refused(tmp_path: Path, formats: str) -> None:
    run = written(tmp_path / "run", journals.cut())
    assert CliRunner().invoke(report, [str(run), "--format", formats]).exit_code == 2


def test_two_runs_are_compared_and_the_exit_code_says_how(tmp_path: Path) -> None:
    clean, failing = (written(tmp_path / name, run()) for name, run in _RUNS)
    same = CliRunner().invoke(compare, [str(clean), str(clean / "journal.ndjson")])
    worse = CliRunner().invoke(compare, [str(clean), str(failing)])
    assert (same.exit_code, worse.exit_code) == (0, 1), same.output + worse.output
    assert "✕ experiment recommendations gone: PASS → FAIL (A once, B once" in worse.output
    assert "bad answers recommendations gone, browse" in worse.output


_RUNS = (("clean", journals.clean), ("failing", journals.failing))


def test_programs_get_the_comparison_as_json(tmp_path: Path) -> None:
    clean, failing = (written(tmp_path / name, run()) for name, run in _RUNS)
    found = CliRunner().invoke(compare, [str(clean), str(failing), "--format", "json"])
    assert json.loads(found.output)["verdict"] == "FAIL"


@pytest.mark.parametrize("others", [[], ["other.json"], ["{run}", "{run}"]])
def test_one_run_is_compared_with_another_run_and_with_nothing_else(tmp_path: Path, others: list[str]) -> None:
    run = written(tmp_path / "run", journals.cut())
    found = CliRunner().invoke(compare, [str(run), *(each.format(run=run) for each in others)])
    assert found.exit_code == 2
    assert "expected two runs" in found.output


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (["run", "nothing"], "there is no nothing"),
        (["nothing", "run"], "there is no nothing"),
        (["pact.json", "run"], "pact.json is no journal"),
        (["run", "bare"], "bare has no journal.ndjson"),
        (["bare", "pact.json"], "bare has no journal.ndjson"),
    ],
)
def test_what_is_no_run_is_named(tmp_path: Path, pair: list[str], said: str) -> None:
    written(tmp_path / "run", journals.cut())
    (tmp_path / "bare").mkdir()
    (tmp_path / "pact.json").write_text("{}")
    found = CliRunner().invoke(compare, pair)
    assert found.exit_code == 2
    assert f"expected two runs to compare, A as it was and B as it is now; {said}" in found.output


@pytest.mark.parametrize("command", [["{run}", "{all}"], ["{all}", "{run}"], ["{all}", "{all}"]])
def test_a_directory_of_several_runs_is_no_run(tmp_path: Path, command: list[str]) -> None:
    run = written(tmp_path / "runs" / "a", journals.cut())
    written(tmp_path / "runs" / "b", journals.cut())
    words = [each.format(run=run, all=tmp_path / "runs") for each in command]
    told = "expected one run, found 2 below it; name one, such as "
    with pytest.raises(JournalError, match=told):
        CliRunner().invoke(compare, words, catch_exceptions=False)
    with pytest.raises(JournalError, match=told):
        CliRunner().invoke(report, [words[0], words[1]], catch_exceptions=False)
    assert [each.name for each in run.iterdir()] == ["journal.ndjson"]


def test_the_history_tells_all_runs_and_leaves_out_what_is_no_journal(tmp_path: Path) -> None:
    runs = tmp_path / ".harness" / "runs"
    written(runs / "1", named(journals.clean(), "first", "2026-01-01T00:00:00Z"))
    written(runs / "2", named(journals.failing(), "second", "2026-01-02T00:00:00Z"), b'{"type":"no')
    written(runs / "3", [], b"no journal\n")
    found = CliRunner().invoke(history, [str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert "shop: 2 runs, oldest first" in found.output
    assert "✓✕  experiment recommendations gone; changed 1 of 1 times" in found.output
    assert "left out:" in found.output


@pytest.mark.parametrize("directory", ["missing", "."])
def test_a_directory_without_runs_has_no_history(directory: str) -> None:
    assert isinstance(CliRunner().invoke(history, [directory]).exception, JournalError)


def test_the_page_tells_the_earlier_runs_of_the_system_that_stand_beside_it(tmp_path: Path) -> None:
    written(tmp_path / "runs" / "a", named(journals.failing(), "earlier-one", "2026-01-01T00:00:00Z"))
    written(tmp_path / "runs" / "later", named(journals.clean(), "later-one", "2026-01-03T00:00:00Z"))
    other = named(journals.clean(), "another-system", "2026-01-01T00:00:00Z")
    assert isinstance(other[0], RunStarted)
    written(tmp_path / "runs" / "other", [replace(other[0], system="another"), *other[1:]])
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "journal.ndjson").write_bytes(b"{}\n")
    run = written(tmp_path / "runs" / "b", named(journals.clean(), "this-one", "2026-01-02T00:00:00Z"))
    found = CliRunner().invoke(report, [str(run), "--format", "html"])
    assert found.exit_code == 0, found.output
    page = (run / "report.html").read_text()
    assert "earlier-one" in page
    assert "later-one" not in page
    assert "another-system" not in page


def test_what_was_read_at_the_end_of_an_experiment_is_passed_over(tmp_path: Path) -> None:
    run = written(tmp_path / "run", journals.clean()[:1])
    with (run / "journal.ndjson").open("ab") as journal:
        journal.write(b'{"type":"observed","reads":[{"no":"read"}]}\n')
    assert CliRunner().invoke(report, [str(run), "--format", "json"]).exit_code == 0


def test_allures_page_without_node_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = written(tmp_path / "run", journals.clean())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HarnessError, match="expected Node on the PATH to make Allure's page, found none"):
        CliRunner().invoke(report, [str(run), "--allure", str(tmp_path / "pages")], catch_exceptions=False)
    assert [each.name for each in run.iterdir()] == ["journal.ndjson"]

"""What is taken over from the journal of an earlier matrix, and what is no such journal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.engine.matrix_run import earlier_results, with_untested
from harness.errors import DeclarationError
from harness.model.events import Event, MatrixCellEnded, MatrixEnded, to_json
from harness.model.matrix import Cell, CellVerdict, Kind, Outlook
from harness.model.verdict import Verdict
from harness.observe.journal import JOURNAL
from tests.engine.grounds import topology
from tests.report.journals import HEADER

OURS = replace(HEADER, system="small", run="17")
CELL = Cell(journey="browse", edge="web->stock", kind=Kind.RESET)
ENDED = MatrixCellEnded(t=1.0, result=CellVerdict(cell=CELL, verdict=Verdict.PASS, reason="usable"))


def written(directory: Path, *events: Event, cut: bytes = b"") -> Path:
    """A run's directory with these events in its journal."""
    made = directory / "run"
    made.mkdir()
    (made / JOURNAL).write_bytes(b"".join(to_json(each) + b"\n" for each in events) + cut)
    return made


def test_a_journal_that_was_cut_short_gives_the_cells_that_ended(tmp_path: Path) -> None:
    run = written(tmp_path, OURS, ENDED, cut=b'{"type":"matrix-ce')

    assert earlier_results(run, topology(tmp_path)) == (replace(ENDED.result, taken_from="17"),)


def test_who_conducted_a_cell_is_kept_over_several_runs(tmp_path: Path) -> None:
    older = replace(ENDED, result=replace(ENDED.result, taken_from="16"))
    run = written(tmp_path, OURS, older)

    assert [each.taken_from for each in earlier_results(run, topology(tmp_path))] == ["16"]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((HEADER, ENDED), "expected a journal of small, found one of"),
        ((OURS,), "no cell of a matrix"),
        ((ENDED,), "begins with the start of a run"),
    ],
)
def test_what_can_not_be_gone_on_with_is_told(tmp_path: Path, events: tuple[Event, ...], told: str) -> None:
    run = written(tmp_path, *events)

    with pytest.raises(DeclarationError, match=told):
        earlier_results(run, topology(tmp_path))


def test_a_directory_without_a_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="can't be read"):
        earlier_results(tmp_path, topology(tmp_path))


def test_a_verdict_says_what_was_not_tested() -> None:
    outlook = Outlook(untested=(CELL,), figures={"cells": 8.0})

    told = with_untested([OURS, MatrixEnded(t=1.0, outlook=outlook)], Verdict.PASS, "all hold")
    assert told == (Verdict.PASS, "all hold; 1 of 8 cells were not tested")
    whole = replace(outlook, untested=())
    assert with_untested([OURS, MatrixEnded(t=1.0, outlook=whole)], Verdict.PASS, "all hold")[1] == "all hold"
    assert with_untested([OURS], Verdict.FAIL, "it died") == (Verdict.FAIL, "it died")


def test_a_verdict_on_nothing_is_unknown() -> None:
    nothing = Outlook(untested=(CELL,), figures={"cells": 1.0})

    assert with_untested([OURS, MatrixEnded(t=1.0, outlook=nothing)], Verdict.PASS, "")[0] is Verdict.UNKNOWN

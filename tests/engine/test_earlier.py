"""What an earlier run came to is read from its journal, its directory or its matrix.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.engine.earlier import read_earlier
from harness.errors import DeclarationError
from harness.model.events import MatrixEnded, RunEnded, to_json
from harness.model.matrix import Outlook
from harness.model.verdict import Verdict
from harness.observe.journal import JOURNAL
from harness.report.matrix_json import write
from tests.report.test_explaining import NAME, journal


@pytest.fixture
def run(tmp_path: Path) -> Path:
    ended = RunEnded(t=9.0, verdict=Verdict.FAIL, reason="it is red", exit_code=1)
    events = (*journal(), MatrixEnded(t=8.0, outlook=Outlook()), ended)
    (tmp_path / JOURNAL).write_bytes(b"".join(to_json(each) + b"\n" for each in events))
    write(events, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["", JOURNAL, "matrix.json"])
def test_what_was_red_is_known_with_its_rules(run: Path, name: str) -> None:
    earlier = read_earlier(run / name, "shop")

    assert earlier.run == "run-1"
    assert earlier.red[NAME] == {"server-error", "state-changed"}
    assert ("payments-killed availability checkout" in earlier.red) is (name != "matrix.json")


def test_what_does_not_fit_is_refused_before_anything_starts(run: Path, tmp_path: Path) -> None:
    def refused(path: Path, system: str = "shop") -> str:
        with pytest.raises(DeclarationError) as error:
            read_earlier(path, system)
        return str(error.value)

    assert "expected a run of bank, found one of shop" in refused(run, "bank")
    assert "expected a run of bank, found one of shop" in refused(run / "matrix.json", "bank")
    assert "can't be read: No such file" in refused(tmp_path / "nowhere")
    later = json.loads((run / "matrix.json").read_text()) | {"format": 7}
    (run / "matrix.json").write_text(json.dumps(later))
    assert "is written in format 7, and this harness reads matrices of format 2" in refused(run / "matrix.json")
    lines = (run / JOURNAL).read_text().splitlines()
    (run / JOURNAL).write_text("\n".join([json.dumps(json.loads(lines[0]) | {"format": 3}), *lines[1:]]) + "\n")
    assert "is written in format 3, and this harness reads journals of format 1" in refused(run)
    (run / JOURNAL).write_text("no journal\n")
    assert "is neither a journal nor a matrix.json" in refused(run)
    (run / JOURNAL).write_text(lines[0] + "\n")
    assert "nothing was found in that run" in refused(run)
    (run / "matrix.json").write_text(json.dumps(later | {"format": 2, "cells": [{"kind": "flood"}]}))
    assert "its cells can't be read" in refused(run / "matrix.json")

from __future__ import annotations

import io
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.defects import LINES, main
from chaos.part import cut, part_of
from chaos.scoreboard import Board, Found, Line, Outcome, Result, told
from harness.declare import load_system

ROOT = Path(__file__).resolve().parents[2]
LINE = Line("no-timeout", ("web",), ("web", "books"), ("chaos", "matrix"), ("hang",), ("web->books",), "readers")
HANG = Found(
    check="matrix hang", verdict="FAIL", subject="read, web->books", edge="web->books", owner="readers", reason="late"
)
QUIET = Outcome(exit_code=0, took_s=1.0, found=())


def failed(*found: Found) -> Outcome:
    return Outcome(exit_code=1, took_s=2.0, found=found)


def scores(*results: Result) -> tuple[int, str]:
    out = io.StringIO()
    return told(results, out), out.getvalue()


def test_a_defect_counts_as_found_with_the_check_the_edge_and_the_owner() -> None:
    code, text = scores(Result(line=LINE, planted=failed(HANG), clean=QUIET))
    assert code == 0
    assert "| no-timeout | found | matrix hang | 2 s | right | right |" in text
    assert "1 of 1 found; clean shop: 1 commands, 0 false alarms" in text


def test_a_finding_that_names_others_says_so() -> None:
    other = replace(HANG, check="availability", edge="web->shelf", subject="read", owner="shelves")
    _, text = scores(Result(line=LINE, planted=failed(other), clean=QUIET))
    assert "| no-timeout | found otherwise | availability | 2 s | other | other: shelves |" in text


def test_a_defect_without_a_finding_is_missed() -> None:
    code, text = scores(Result(line=replace(LINE, awaits="a check"), planted=QUIET, clean=QUIET))
    assert code == 1
    assert "| no-timeout | **missed**; awaits a check | - | 1 s | | |" in text


def test_what_nobody_could_judge_is_no_finding() -> None:
    code, text = scores(Result(line=LINE, planted=failed(replace(HANG, verdict="UNKNOWN")), clean=QUIET))
    assert (code, "missed" in text) == (1, True)


def test_a_command_without_a_verdict_has_neither_found_nor_missed(tmp_path: Path) -> None:
    code, text = scores(Result(line=LINE, planted=replace(QUIET, exit_code=2), clean=QUIET))
    assert (code, "| no-timeout | not judged |" in text) == (1, True)
    board = Board(tmp_path / "defects.json", limit_s=1.0, seed=1, resume=False)
    board.keep(LINE, planted=True, outcome=replace(QUIET, exit_code=2))
    assert Board(tmp_path / "defects.json", limit_s=1.0, seed=1, resume=True).known == set()


def test_what_is_found_of_the_clean_shop_is_a_false_alarm_and_finds_nothing() -> None:
    code, text = scores(Result(line=LINE, planted=failed(HANG), clean=failed(HANG)))
    assert (code, "missed" in text) == (1, True)
    assert "1 false alarms" in text
    assert "matrix hang, read, web->books: late" in text


def test_a_clean_shop_that_could_not_be_judged_is_no_success() -> None:
    code, text = scores(Result(line=LINE, planted=failed(HANG), clean=replace(QUIET, exit_code=2)))
    assert code == 1
    assert "not run to its end" in text


def test_a_command_that_took_too_long_says_so() -> None:
    _, text = scores(Result(line=LINE, planted=replace(QUIET, exit_code=None), clean=QUIET))
    assert "not judged, it took too long" in text


def test_what_was_run_is_not_run_again(tmp_path: Path) -> None:
    kept = tmp_path / "defects.json"
    board = Board(kept, limit_s=1.0, seed=1, resume=False)
    for planted, outcome in ((True, failed(HANG)), (False, QUIET)):
        board.keep(LINE, planted=planted, outcome=outcome)
    (result,) = Board(kept, limit_s=1.0, seed=1, resume=True).run([LINE], jobs=1)
    assert result == Result(line=LINE, planted=failed(HANG), clean=QUIET)


def test_a_defect_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "no-such"])
    assert "there is no no-such; there are no-timeout, " in capsys.readouterr().err


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "targets" / "shop" / "system.yaml").read_text(encoding="utf-8"))
    return found


def test_a_line_has_its_defect_in_services_that_are_there_and_an_owner_that_there_is(whole: dict[str, Any]) -> None:
    owners = {service["owner"] for service in whole["services"].values()}
    for line in LINES:
        assert set(line.services) <= set(line.part), line.defect
        assert line.owner in owners, line.defect
        assert {end for edge in line.edges for end in edge.split("->")} <= {*whole["services"], *whole["stores"]}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.defect)
def test_the_part_of_a_line_has_the_journeys_that_its_command_asks_for(whole: dict[str, Any], line: Line) -> None:
    part = cut(deepcopy(whole), line.part)
    assert list(part["services"]) == list(line.part)
    for journey in (line.command[at + 1] for at, word in enumerate(line.command) if word == "--journey"):
        assert journey in part["journeys"]


def test_a_part_is_written_with_the_content_that_fits_it(tmp_path: Path) -> None:
    services = ("gateway", "users", "payments")
    file = part_of(
        ROOT, tmp_path, services, experiments=("payments-killed",), env={"payments": {"SHOP_DEFECTS": "no-timeout"}}
    )
    system = load_system(file).system
    assert set(system.services) == set(services)
    assert system.services["payments"].env["SHOP_DEFECTS"] == "no-timeout"
    assert [each.stem for each in (tmp_path / "chaos" / "experiments").iterdir()] == ["payments-killed"]
    assert {each.stem.partition("-")[2] for each in (tmp_path / "contracts" / "pacts").iterdir()} <= set(services)

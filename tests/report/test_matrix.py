"""The matrix in the reports: in the terminal, as HTML, Markdown, JUnit and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from harness.model.events import Event, FindingMade, MatrixCellEnded, MatrixEnded, from_json, to_json
from harness.model.finding import Finding, Part
from harness.model.matrix import (
    KINDS,
    Cell,
    CellFinding,
    CellVerdict,
    FirstFault,
    JourneyCrossings,
    Kind,
    Outlook,
    Proposal,
    Rule,
)
from harness.model.system import Need
from harness.model.verdict import Verdict
from harness.report import html, junit, markdown, matrix_json, terminal, write_reports
from harness.report.matrix_story import in_a_word
from tests.report.journals import HEADER

FIRST = FirstFault(edge="gateway->recommendations", kind=Kind.REFUSED)
EVIL = "<script>alert(1)</script>"


def cell(kind: Kind, edge: str = "gateway->catalog", first: FirstFault | None = None) -> Cell:
    return Cell(journey="browse", edge=edge, kind=kind, first=first)


def red(rule: Rule, verdict: Verdict, reason: str) -> CellFinding:
    return CellFinding(rule=rule, verdict=verdict, reason=reason, evidence=("GET / → 500",))


HANG = red(Rule.HANG, Verdict.FAIL, f"GET /{EVIL} → timeout")
RESULTS = (
    CellVerdict(cell=replace(cell(Kind.PLACEBO), edge=""), verdict=Verdict.PASS, reason="usable"),
    CellVerdict(cell=cell(Kind.REFUSED), verdict=Verdict.PASS, reason="refused cleanly", usable=False, answer="503"),
    CellVerdict(
        cell=cell(Kind.RESET),
        verdict=Verdict.FAIL,
        reason=HANG.reason,
        findings=(HANG, red(Rule.ERROR, Verdict.FAIL, "500 where 503 is meant")),
        crossings=4,
        samples=2,
    ),
    CellVerdict(
        cell=cell(Kind.RESET, "gateway->search", FIRST),
        verdict=Verdict.UNKNOWN,
        reason="not crossed",
        findings=(red(Rule.NOT_CROSSED, Verdict.UNKNOWN, "not crossed"),),
    ),
)
OUTLOOK = Outlook(
    journeys=(
        JourneyCrossings(
            journey="browse", edges=("gateway->catalog",), under_fault=("gateway->search",), not_seen=("a->b",)
        ),
    ),
    proposals=(
        Proposal(edge="gateway->catalog", declared=Need.SOFT, proposed=Need.HARD, why="browse can't do without it"),
    ),
    figures={"cells": 3.0, "seconds in all": 4.5},
)


def journal() -> list[Event]:
    made: list[Event] = [HEADER]
    for result in RESULTS:
        made.append(MatrixCellEnded(t=1.0, result=result))
        finding = Finding(
            check="matrix hang",
            part=Part.MATRIX,
            verdict=result.verdict,
            reason=result.reason,
            subject=str(result.cell),
            edge=result.cell.edge,
        )
        made.append(FindingMade(t=1.0, finding=finding))
    return [*made, MatrixEnded(t=2.0, outlook=OUTLOOK)]


def test_a_matrix_survives_the_journal() -> None:
    assert [from_json(to_json(event)) for event in journal()] == journal()


def test_a_cell_in_a_word() -> None:
    assert [in_a_word(each) for each in RESULTS[1:]] == ["503", "hang +1", "not-crossed"]
    usable = replace(RESULTS[1], usable=True)
    assert in_a_word(usable) == "usable"
    assert in_a_word(replace(usable, degraded=True)) == "degraded"
    assert not in_a_word(None)


def test_the_terminal_shows_a_table_of_edges_and_kinds() -> None:
    shown = terminal.render(journal(), colour=False)

    assert "Matrix of browse (placebo PASS)" in shown
    row = next(line for line in shown.splitlines() if line.startswith("  gateway → catalog"))
    assert row.split("  ")[2:] != []
    assert "✓ 503" in row
    assert "✕ hang +1" in row
    assert "gateway → search while gateway → recommendations refused" in shown
    assert "never crossed: a → b" in shown
    assert "gateway → catalog  looks hard, declared soft: browse can't do without it" in shown
    assert "3 cells in 4.5" in shown
    assert max(map(len, shown.splitlines())) <= 2 * terminal.WIDTH


def test_the_page_shows_it_and_escapes_what_comes_from_outside() -> None:
    page = html.render(journal())

    assert "Resilience matrix" in page
    assert "hang +1" in page
    assert "Hard or soft" in page
    assert EVIL not in page


def test_markdown_and_junit_have_each_cell() -> None:
    told = markdown.render(journal())

    assert "## Matrix of browse" in told
    assert "| gateway → catalog | ✓ 503 | ✕ hang +1 |" in told
    assert junit.render(journal()).decode().count('<testcase classname="matrix') == len(RESULTS)


def test_a_green_table_is_folded_and_what_was_never_crossed_is_told() -> None:
    told = markdown.render(journal())
    assert "<details>" not in told[told.index("## Matrix of browse") : told.index("## ✕")]
    assert "\n\nnever crossed: a → b\n" in told
    assert "\n\n3 cells in 4.50 s\n" in told

    green: list[Event] = [HEADER, MatrixCellEnded(t=1.0, result=RESULTS[1]), MatrixEnded(t=2.0, outlook=OUTLOOK)]
    folded = "## Matrix of browse\n\n<details><summary>All passed: 1 cell</summary>\n\n| Edge | refused |\n"
    assert folded in markdown.render(green)
    untested = replace(OUTLOOK, untested=(RESULTS[2].cell,))
    assert "<details>" not in markdown.render([*green[:-1], MatrixEnded(t=2.0, outlook=untested)])


def test_json_is_written_where_there_is_a_matrix_only(tmp_path: Path) -> None:
    written = write_reports(journal(), tmp_path / "with")
    table = json.loads((tmp_path / "with" / "matrix.json").read_bytes())

    assert written[-1].name == "matrix.json"
    assert table == matrix_json.table(journal())
    assert [each["word"] for each in table["cells"]] == ["503", "hang +1", "not-crossed"]
    assert table["cells"][2]["first"] == {"edge": "gateway->recommendations", "kind": "refused"}
    assert table["edges"][0]["proposed"] == "hard"
    assert table["journeys"][0]["crosses"] == ["gateway->catalog"]
    write_reports([HEADER], tmp_path / "without")
    assert not (tmp_path / "without" / "matrix.json").exists()


def test_a_journal_that_was_cut_shows_what_was_done() -> None:
    cut = journal()[:4]

    assert "Matrix of browse" in terminal.render(cut, colour=True)
    assert "Resilience matrix" in html.render(cut)
    assert matrix_json.table(cut)["edges"] == []


RESET = RESULTS[2].cell
STOOD_FOR = replace(
    RESULTS[1], cell=replace(RESULTS[1].cell, journey="search"), stands=RESULTS[1].cell, pruned="browse does the same"
)
PART = replace(
    OUTLOOK,
    untested=(replace(RESET, edge="gateway->reviews"), replace(RESET, journey="cart")),
    figures=OUTLOOK.figures | {"cells": 5.0, "cells pruned": 1.0, "cells untested": 2.0, "requests": 70.0},
)


def in_part() -> list[Event]:
    return [*journal()[:-1], MatrixCellEnded(t=1.5, result=STOOD_FOR), MatrixEnded(t=2.0, outlook=PART)]


def test_what_was_pruned_stands_in_brackets_and_what_was_not_tested_says_so() -> None:
    shown = terminal.render(in_part(), colour=False)
    told = markdown.render(in_part())
    page = html.render(in_part())

    assert "(✓ 503)" in shown
    assert "Matrix of cart" in shown
    assert shown.count("untested") == 3
    assert "(1 told by another, in brackets; 2 untested), 70 requests" in shown
    assert "| gateway → reviews | \\- | untested |" in told
    assert "as browse, gateway-&gt;catalog refused: browse does the same" in page
    assert [from_json(to_json(event)) for event in in_part()] == in_part()


def test_json_names_what_stands_for_a_cell_and_what_was_not_tested() -> None:
    table = json.loads(json.dumps(matrix_json.table(in_part())))
    stood_for = next(each for each in table["cells"] if each["journey"] == "search")

    assert table["format"] == 2
    assert stood_for["stands"] == {"journey": "browse", "edge": "gateway->catalog", "kind": "refused", "first": None}
    assert stood_for["pruned"] == "browse does the same"
    assert [each["journey"] for each in table["untested"]] == ["browse", "cart"]


def test_many_kinds_stand_below_one_another_where_there_is_no_room_beside() -> None:
    wide: list[Event] = [
        HEADER,
        *(MatrixCellEnded(t=1.0, result=replace(RESULTS[1], cell=cell(kind))) for kind in KINDS),
    ]
    shown = terminal.render(wide, colour=False)

    assert all(kind.value in shown for kind in KINDS)
    table = [line for line in shown.splitlines() if line.startswith(("  edge ", "  gateway → catalog "))]
    assert len(table) > 2
    assert max(map(len, table)) <= terminal.WIDTH

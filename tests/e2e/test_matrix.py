"""The matrix of a stranger's small system, whose mistakes are known: just those cells are red that should be."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.e2e.shops import harness, left_behind

pytestmark = pytest.mark.loopback

CORNER = Path(__file__).parent / "corner"
ALL = ("refused", "black-hole", "latency", "reset", "truncate-0", "truncate-head", "html-200")
"""One that changes answers among those that act on connections; all others take long and tell the same here."""

MISTAKES = {
    ("home", "web->prices"): {
        "refused": "server-error",
        "reset": "server-error",
        "truncate-0": "server-error",
        "truncate-head": "server-error",
        "html-200": "server-error",
        "latency": "hang",
        "black-hole": "hang",
    },
    ("home", "web->ads"): {},
    ("home", "web->house"): {},
    ("item", "web->stock"): {"truncate-head": "invalid-body", "html-200": "invalid-body"},
    ("buy", "web->ledger"): {
        "truncate-0": "state-changed",
        "truncate-head": "server-error",
        "html-200": "server-error",
        "latency": "state-changed",
    },
}
"""No time-out and a 500; a good soft edge and its good stand-in; an empty success; a no that was a yes."""

UNSETTLED = {("buy", "web->ledger", "reset")}
"""Whether a request gets through before its connection is reset is a race that both may win."""


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("matrix") / "corner"
    shutil.copytree(CORNER, root, ignore=shutil.ignore_patterns("__pycache__", ".harness"))
    return root


@pytest.fixture(scope="module")
def whole(corner: Path) -> dict[str, JsonValue]:
    kinds = [word for kind in ALL for word in ("--kind", kind)]
    ended = harness(corner, "chaos", "matrix", "system.yaml", *kinds, "--directory", "run", "--json", "told.json")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    (corner / "output.txt").write_text(ended.stdout)
    table: dict[str, JsonValue] = json.loads((corner / "told.json").read_bytes())
    return table


def cells(table: dict[str, JsonValue]) -> dict[tuple[str, str], dict[str, str]]:
    """Journey and edge → kind → the verdict, and what came of it in a word."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    assert isinstance(table["cells"], list)
    for each in table["cells"]:
        assert isinstance(each, dict)
        row = found.setdefault((str(each["journey"]), str(each["edge"])), {})
        row[str(each["kind"])] = f"{each['verdict']} {str(each['word']).partition(' ')[0]}"
    return found


def test_just_the_cells_with_mistakes_are_red(whole: dict[str, JsonValue]) -> None:
    found = cells(whole)

    assert found.keys() == MISTAKES.keys()
    for (journey, edge), mistakes in MISTAKES.items():
        for kind in ALL:
            if (journey, edge, kind) in UNSETTLED:
                continue
            word = found[journey, edge][kind]
            expected = f"FAIL {mistakes[kind]}" if kind in mistakes else "PASS"
            assert word.startswith(expected), (journey, edge, kind, word)


def test_the_edge_that_is_crossed_when_another_fails_is_found_and_tried(whole: dict[str, JsonValue]) -> None:
    assert isinstance(whole["journeys"], list)
    home = next(each for each in whole["journeys"] if isinstance(each, dict) and each["name"] == "home")
    assert isinstance(home, dict)
    assert home["crosses"] == ["web->prices", "web->ads"]
    assert home["crosses_under_a_fault"] == ["web->house"]
    assert home["never_seen_to_cross"] == ["web->stock", "web->ledger"]
    assert isinstance(whole["cells"], list)
    firsts = [each["first"] for each in whole["cells"] if isinstance(each, dict) and each["edge"] == "web->house"]
    assert firsts == [{"edge": "web->ads", "kind": "truncate-head"}] * len(ALL)
    # A stand-in for the advertisements is there, so that nothing lacks; without both, the page says so.
    assert set(cells(whole)["home", "web->ads"].values()) == {"PASS usable"}
    assert set(cells(whole)["home", "web->house"].values()) == {"PASS degraded"}


def test_it_proposes_which_edges_are_soft(whole: dict[str, JsonValue]) -> None:
    assert isinstance(whole["edges"], list)
    looks = {str(each["edge"]): each["proposed"] for each in whole["edges"] if isinstance(each, dict)}

    assert looks == {
        "web->prices": "hard",
        "web->ads": "soft",
        "web->house": "soft",
        "web->stock": "hard",
        "web->ledger": "hard",
    }


def test_the_matrix_is_in_the_terminal_and_in_every_report(corner: Path, whole: dict[str, JsonValue]) -> None:
    assert isinstance(whole["journeys"], list)
    output = (corner / "output.txt").read_text()
    page = (corner / "run" / "report.html").read_text()
    cases = (corner / "run" / "junit.xml").read_text()

    assert "Matrix of home (placebo PASS)" in output
    assert "web → house while web → ads truncate-head" in output
    assert "Resilience matrix" in page
    assert "invalid-body" in page
    assert "## Matrix of item" in (corner / "run" / "summary.md").read_text()
    assert cases.count('<testcase classname="matrix') == len(ALL) * len(MISTAKES) + len(whole["journeys"])
    assert whole == json.loads((corner / "run" / "matrix.json").read_bytes())


def test_nothing_is_left_behind(corner: Path, whole: dict[str, JsonValue]) -> None:
    assert whole
    assert left_behind(corner) == []


def test_a_cell_is_repeated_by_its_replay_command(corner: Path, whole: dict[str, JsonValue]) -> None:
    assert isinstance(whole["cells"], list)
    replay = next(
        str(each["replay"]) for each in whole["cells"] if isinstance(each, dict) and each["word"] == "invalid-body"
    )
    ended = harness(corner, *shlex.split(replay)[1:], "--json", "again.json")

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert cells(json.loads((corner / "again.json").read_bytes())) == {
        ("item", "web->stock"): {"truncate-head": "FAIL invalid-body"}
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--edge", "web->nobody"), "no edge 'web->nobody'"),
        (("--journey", "nothing"), "no journey 'nothing'"),
        (("--kind", "flood"), "flood"),
    ],
)
def test_what_is_not_there_is_told_with_its_place(corner: Path, arguments: tuple[str, ...], told: str) -> None:
    ended = harness(corner, "chaos", "matrix", "system.yaml", *arguments)

    assert ended.returncode == 2, ended.stdout
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr

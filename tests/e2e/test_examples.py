"""The examples of the documents: each has the mistakes that its README tells of, and no others."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.shops import harness
from tests.needs import program

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
KINDS = ("refused", "black-hole", "latency", "reset", "truncate-0", "truncate-head")


def taken(example: str, to: Path) -> Path:
    """A copy of an example, as somebody would take it home."""
    return Path(shutil.copytree(EXAMPLES / example, to / example, ignore=shutil.ignore_patterns(".harness", "weather")))


def red(system: Path) -> dict[tuple[str, str], str]:
    """Edge and kind → the rule that did not hold, of each cell that is no PASS; all kinds were tried on all edges."""
    kinds = [word for kind in KINDS for word in ("--kind", kind)]
    ended = harness(system, "chaos", "matrix", "system.yaml", *kinds, "--json", "told.json")
    assert "Traceback" not in ended.stderr
    cells = json.loads((system / "told.json").read_bytes())["cells"]
    edges = {each["edge"] for each in cells}
    assert {(each["edge"], each["kind"]) for each in cells} == {(edge, kind) for edge in edges for kind in KINDS}
    found = {(each["edge"], each["kind"]): each for each in cells if each["verdict"] != "PASS"}
    assert ended.returncode == (1 if found else 0), ended.stdout + ended.stderr
    assert {each["verdict"] for each in found.values()} <= {"FAIL"}, found
    return {cell: str(each["word"]).partition(" ")[0] for cell, each in found.items()}


def test_the_bookshop_in_node_has_its_two_mistakes(tmp_path: Path) -> None:
    program("node", "nodejs")
    assert red(taken("node-bookshop", tmp_path)) == {
        **{("web->books", kind): "server-error" for kind in KINDS},
        ("web->ratings", "latency"): "hang",
        ("web->ratings", "black-hole"): "hang",
    }


def test_the_weather_in_go_has_its_one_mistake(tmp_path: Path) -> None:
    system = taken("go-weather", tmp_path)
    subprocess.run([program("go", "golang-go"), "build", "-o", "weather", "."], cwd=system, check=True, timeout=300)
    assert red(system) == {
        ("forecast->sensors", "latency"): "not-usable",
        ("forecast->sensors", "black-hole"): "not-usable",
    }


def test_the_bookshop_is_clean_once_both_are_mended(tmp_path: Path) -> None:
    program("node", "nodejs")
    system = taken("node-bookshop", tmp_path)
    page = system / "web.js"
    mended = page.read_text().replace(
        "ask(process.env.RATINGS_URL, `/ratings/${id}`)",
        "ask(process.env.RATINGS_URL, `/ratings/${id}`, { signal: AbortSignal.timeout(300) })",
    )
    page.write_text(mended.replace("return [500,", "return [503,"))
    assert red(system) == {}

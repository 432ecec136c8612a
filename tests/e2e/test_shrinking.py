"""A red cell of a stranger's small system is shrunk, shown by a pytest, explained, mended, accepted and known."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.e2e.shops import changed, harness, left_behind

pytestmark = pytest.mark.loopback

CORNER = Path(__file__).parent / "corner"
CELL = "item, web->stock truncate-head"
TEST = "run/repro/test_item_web_to_stock_truncate_head.py"
ANSWER_BYTES = 200
"""The stock's whole answer is shorter than that, its head and its body together."""
PYTEST_LIMIT_S = 120


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shrinking") / "corner"
    shutil.copytree(CORNER, root, ignore=shutil.ignore_patterns("__pycache__", ".harness"))
    return root


@pytest.fixture(scope="module")
def shrunk(corner: Path) -> dict[str, JsonValue]:
    ended = harness(corner, "chaos", "shrink", "item, web → stock truncate-head", "--directory", "run")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Smallest faults\n  item breaks when connections on web → stock end after up to" in ended.stdout
    table: dict[str, JsonValue] = json.loads((corner / "run" / "matrix.json").read_bytes())
    (found,) = table["shrunk"] if isinstance(table["shrunk"], list) else []
    assert isinstance(found, dict)
    return found


def reproduced(corner: Path) -> subprocess.CompletedProcess[str]:
    """What pytest says of the test that was written, as its own text tells to run it."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST, "--harness-system", "system.yaml"]
    return subprocess.run(command, cwd=corner, capture_output=True, text=True, timeout=PYTEST_LIMIT_S, check=False)


def test_the_most_bytes_that_still_break_are_found(shrunk: dict[str, JsonValue]) -> None:
    smallest, holds = shrunk["smallest"], shrunk["holds"]

    assert isinstance(smallest, float)
    assert isinstance(holds, float)
    assert 20 < smallest < holds < ANSWER_BYTES * 1.05
    assert holds - smallest <= 0.05 * holds + 1
    assert (shrunk["monotone"], shrunk["complete"]) == (True, True)
    assert f"truncated after {smallest:.0f} bytes" in str(shrunk["fault"])


def test_a_run_explains_it_from_its_journal(corner: Path, shrunk: dict[str, JsonValue]) -> None:
    ended = harness(corner, "explain", CELL, "--run", "run")

    assert ended.returncode == 0, ended.stderr
    assert str(shrunk["sentence"]) in ended.stdout
    assert "Let web check stock's answer before it passes it on" in ended.stdout
    assert "harness chaos matrix" in ended.stdout


def test_what_is_accepted_or_known_makes_no_run_red(corner: Path, shrunk: dict[str, JsonValue]) -> None:
    assert shrunk
    html = "item, web->stock html-200"
    taken = harness(corner, "accept", html, "--owner", "us", "--why", "next week", "--until", "2999-12-31")
    assert taken.returncode == 0, taken.stderr
    kinds = ("--kind", "truncate-head", "--kind", "html-200")
    ended = harness(corner, "chaos", "matrix", "--journey", "item", *kinds, "--against", "run", "--directory", "second")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"  ~ {html}: accepted by us until 2999-12-31: next week" in ended.stdout
    assert f"  ~ {CELL}: known from run " in ended.stdout
    assert "~ invalid-body" in ended.stdout
    assert 'skipped="2"' in (corner / "second" / "junit.xml").read_text()


def test_the_test_that_was_written_fails_until_it_is_mended(corner: Path, shrunk: dict[str, JsonValue]) -> None:
    assert shrunk["reproduction"] == TEST.removeprefix("run/")
    red = reproduced(corner)
    assert red.returncode == 1, red.stdout + red.stderr
    assert "a success, but its body is empty" in red.stdout

    shop = corner / "shop.py"
    changed(
        shop, 'body = ask("stock", "/", timeout=0.3)', 'body = json.dumps(json.loads(ask("stock", "/", 0.3))).encode()'
    )
    changed(
        shop,
        'except (OSError, HTTPException):\n            self.say(503, {"error": "stock is away"})',
        'except (OSError, HTTPException, ValueError):\n            self.say(503, {"error": "stock is away"})',
    )
    green = reproduced(corner)
    assert green.returncode == 0, green.stdout + green.stderr
    assert left_behind(corner) == []

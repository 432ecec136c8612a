"""Which commands of the documents are run here, and why the others are only parsed (`tests/test_docs.py`)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli import cli
from tests.test_docs import PAGES, ROOT, blocks

RUN = (
    "harness audit --declared",
    "harness chaos run recommendations-slow --dry-run",
    "harness compare",
    "harness compare --consumer gateway",
    "harness compare --provider catalog",
    "harness gameday check payments-day --any-time",
    "harness gameday export payments-day --to cron --machine-zone Europe/Berlin",
    "harness gameday export payments-day --to kubernetes --image registry.example/shop-harness:1",
    "harness gameday next payments-day --count 3",
)
"""They start nothing and write nothing, and must end with 0 on the sample shop."""

BRINGS_UP = "brings a system up, for seconds or minutes; tests/e2e and tests/cli run it on small systems"
STANDING = "acts on what stands on this machine, which may be somebody's; tests/cli runs it on a system of its own"
NAMES_FILES = "names files, runs or versions that its reader has; tests of that command bring theirs"

ONLY_PARSED: Mapping[str, str] = {
    "accept": NAMES_FILES,
    "annotate": NAMES_FILES,
    "audit": BRINGS_UP,
    "breaking": NAMES_FILES,
    "can-i-deploy": NAMES_FILES,
    "chaos": BRINGS_UP,
    "compare": NAMES_FILES,
    "doctor": NAMES_FILES,
    "explain": NAMES_FILES,
    "fuzz": BRINGS_UP,
    "gameday": BRINGS_UP,
    "heal": STANDING,
    "history": NAMES_FILES,
    "init": "writes files, or asks; tests/cli/test_init.py runs it in directories of its own",
    "inject": STANDING,
    "learn": BRINGS_UP,
    "load": BRINGS_UP,
    "notify": "sends something to somebody",
    "ps": STANDING,
    "record-deployment": NAMES_FILES,
    "report": NAMES_FILES,
    "run": BRINGS_UP,
    "sandbox": BRINGS_UP,
    "up": BRINGS_UP,
    "verify": BRINGS_UP,
}
"""By the first word, for all that is not run."""


def commands() -> list[str]:
    """Every command line of the harness in a block of a page, without its comment."""
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    return [shlex.join(shlex.split(line, comments=True)) for line in lines if line.startswith("harness ")]


@pytest.mark.parametrize("line", RUN)
def test_a_command_of_the_documents_does_what_they_say(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    before = set(ROOT.glob("*"))
    words = shlex.split(line.replace("payments-day", "payments-morning"))[1:]  # the page's own example is no file here

    ended = CliRunner().invoke(cli, words)

    assert ended.exit_code == 0, ended.output
    assert ended.output
    assert set(ROOT.glob("*")) == before


def test_what_is_run_stands_in_the_documents() -> None:
    assert set(RUN) - set(commands()) == set()


def test_all_others_have_a_reason() -> None:
    others = {line.split()[1] for line in commands() if line not in RUN}

    assert others == set(ONLY_PARSED)


def test_each_reason_is_for_a_command_that_there_is() -> None:
    assert [name for name in ONLY_PARSED if cli.get_command(click.Context(cli), name) is None] == []


def test_the_pages_are_those_that_are_indexed() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in Path(ROOT / "docs").glob("*.md")} - {"README.md"}

    assert {page for page in pages if f"({page})" not in index} == set()

"""Waivers are read with their places, and written so that a review shows one entry."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from harness.declare.accepted import HEAD, add_waiver, load_accepted, waiver_of, with_waiver
from harness.errors import DeclarationError
from harness.model.topology import Topology
from tests.engine.grounds import topology

DAY = dt.date(2027, 1, 31)
EXPERIMENTS = ("stock-killed",)
WRITTEN = """\
# Ours.
accepted:
  # They know.
  - cell: browse, web->ads refused
    owner: ads
    why: "until the move: then it's gone"  # see the plan
    until: 2027-01-31
  - cell: browse, web->stock reset
    owner: stock
    why: an old client

    until: 2026-12-31
# The end.
"""


@pytest.fixture
def system(tmp_path: Path) -> Topology:
    return topology(tmp_path)


def test_waivers_are_read(tmp_path: Path, system: Topology) -> None:
    (tmp_path / "accepted.yaml").write_text(WRITTEN)

    assert [
        (each.cell, each.owner, each.until.isoformat()) for each in load_accepted(tmp_path, system, EXPERIMENTS)
    ] == [
        ("browse, web->ads refused", "ads", "2027-01-31"),
        ("browse, web->stock reset", "stock", "2026-12-31"),
    ]
    assert load_accepted(tmp_path / "none", system, EXPERIMENTS) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("web->ads refused", "web->adds refused", "accepted.yaml:4:11: 'browse, web->adds refused' is no cell"),
        ("browse, web->ads", "brows, web->ads", "no journey 'brows'; did you mean 'browse'?"),
        ("ads refused", "ads refuses", "no kind of failure is called 'refuses'"),
        ("cell: browse, web->ads refused", "cell: browse", "accepted.yaml:4:11: expected a cell such as"),
        ("until: 2027-01-31", "until: tomorrow", "accepted.yaml:7:12: 'until'"),
        ("    owner: ads\n", "", "'owner' is missing"),
        ("owner: ads", "oner: ads", "unknown key 'oner'"),
        ("cell: browse, web->ads refused", "cell: browse, web->stock reset", "is accepted twice"),
        ("cell: browse, web->ads refused", "finding: stock-kiled x browse", "did you mean 'stock-killed'?"),
        ("cell: browse, web->ads refused", "finding: stock-killed", "expected experiment, check and subject"),
        ("    owner: ads\n", "    owner: ads\n    finding: a b c\n", "expected either 'cell' or 'finding'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, system: Topology, old: str, new: str, said: str) -> None:
    (tmp_path / "accepted.yaml").write_text(WRITTEN.replace(old, new))

    with pytest.raises(DeclarationError) as refused:
        load_accepted(tmp_path, system, EXPERIMENTS)
    assert said in str(refused.value)


def made(name: str, why: str = "why not", until: dt.date = DAY) -> str:
    return with_waiver(WRITTEN, waiver_of(name, owner="me", why=why, until=until))


def entry(name: str, why: str = "why not") -> str:
    return f"  - cell: {name}\n    owner: me\n    why: {why}\n    until: 2027-01-31\n"


def test_a_waiver_comes_in_its_place_and_no_other_line_changes() -> None:
    first, middle, last = "browse, web->ads latency", "browse, web->house reset", "browse, web->stock status-503"

    assert made(first) == WRITTEN.replace("  # They know.\n", entry(first) + "  # They know.\n")
    assert made(middle) == WRITTEN.replace(
        "  - cell: browse, web->stock", entry(middle) + "  - cell: browse, web->stock"
    )
    assert made(last) == WRITTEN.replace("# The end.\n", entry(last) + "# The end.\n")


def test_accepting_again_renews_and_keeps_the_comment_above() -> None:
    again = made("browse,  web → ads refused", why="once more: now")

    start, _, rest = again.partition("  # They know.\n")
    assert start == "# Ours.\naccepted:\n"
    assert rest.startswith(entry("browse, web->ads refused", "'once more: now'") + "  - cell: browse, web->stock reset")
    assert "see the plan" not in again


@pytest.mark.parametrize("text", [HEAD, "accepted: []\n", "accepted:\n", "# nothing yet\n"])
def test_the_first_waiver_is_written_into_what_is_there(tmp_path: Path, system: Topology, text: str) -> None:
    (tmp_path / "accepted.yaml").write_text(text)
    if text.startswith("# nothing"):
        (tmp_path / "accepted.yaml").unlink()
    waiver = waiver_of("browse, web->ads reset", owner="me", why="soon", until=DAY)
    add_waiver(tmp_path, system, EXPERIMENTS, waiver)

    assert load_accepted(tmp_path, system, EXPERIMENTS) == (waiver,)


def test_a_list_in_brackets_is_not_edited(tmp_path: Path, system: Topology) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text('accepted: [{cell: "browse, web->ads reset", owner: a, why: b, until: 2027-01-31}]\n')
    with pytest.raises(DeclarationError, match=r"accepted.yaml:1:11: is in brackets"):
        add_waiver(
            tmp_path, system, EXPERIMENTS, waiver_of("browse, web->ads latency", owner="me", why="soon", until=DAY)
        )


def test_what_there_is_not_is_not_accepted(tmp_path: Path, system: Topology) -> None:
    for name, said in (
        ("browse, web->adds reset", "did you mean 'web->ads'"),
        ("stock-kiled x y", "did you mean 'stock-killed'"),
        ("browse, web->ads placebo", "no column of the matrix"),
    ):
        with pytest.raises(DeclarationError, match=said):
            add_waiver(tmp_path, system, EXPERIMENTS, waiver_of(name, owner="me", why="soon", until=DAY))
    assert not (tmp_path / "accepted.yaml").exists()

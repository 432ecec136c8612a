from pathlib import Path

import pytest

from harness.declare.insertion import NewEdge, insert_edges
from harness.errors import DeclarationError

HEAD = """\
# mine
system: tiny
entry: front   # the door
services:
  front: {owner: web, run: {command: [front]}}
  back: {owner: core, run: {command: [back]}}
  deep: {owner: core, run: {command: [deep]}}
stores: {db: {kind: postgres, databases: [back]}}
"""
TAIL = """
# what customers do
journeys:
  look: {deadline: 1 s}   # quickly
"""
NEW = NewEdge(consumer="back", provider="deep", why="3 connections seen")
ALSO = NewEdge(consumer="deep", provider="back", at=("10.0.0.1:80",), why="1 seen")
FILE = Path("system.yaml")


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        (
            "edges:\n  - {from: front, to: back, need: hard}   # why\n",
            (
                "edges:\n  - {from: front, to: back, need: hard}   # why\n"
                "  - {from: back, to: deep, need: soft}   # 3 connections seen\n"
                '  - {from: deep, to: back, need: soft, at: ["10.0.0.1:80"]}   # 1 seen\n'
            ),
        ),
        (
            "edges:\n- from: front\n  to: back\n  need: hard   # why\n\n# to come\n",
            (
                "edges:\n- from: front\n  to: back\n  need: hard   # why\n"
                "- {from: back, to: deep, need: soft}   # 3 connections seen\n"
                '- {from: deep, to: back, need: soft, at: ["10.0.0.1:80"]}   # 1 seen\n'
                "\n# to come\n"
            ),
        ),
        (
            "edges: [{from: front, to: back, need: hard}]   # why\n",
            (
                "edges: [{from: front, to: back, need: hard}, {from: back, to: deep, need: soft}, "
                '{from: deep, to: back, need: soft, at: ["10.0.0.1:80"]}]   # why\n'
            ),
        ),
        (
            "edges: []   # none yet\n",
            (
                "edges:   # none yet\n  - {from: back, to: deep, need: soft}   # 3 connections seen\n"
                '  - {from: deep, to: back, need: soft, at: ["10.0.0.1:80"]}   # 1 seen\n'
            ),
        ),
    ],
)
def test_edges_are_added_and_all_else_stays(edges: str, expected: str) -> None:
    inserted = insert_edges(HEAD + edges + TAIL, [NEW, ALSO], file=FILE)
    assert inserted.text == HEAD + expected + TAIL
    assert inserted.edges == (NEW, ALSO)
    assert inserted.refused == ()


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_description_without_edges_gets_them_at_its_end(end: str) -> None:
    text = (HEAD + TAIL).rstrip("\n") + end
    inserted = insert_edges(text, [NEW], file=FILE)
    assert inserted.text.startswith(HEAD + TAIL)
    assert inserted.text.endswith("\n\nedges:\n  - {from: back, to: deep, need: soft}   # 3 connections seen\n")


def test_edges_at_the_very_end_without_a_newline_are_added_to(tmp_path: Path) -> None:
    text = HEAD + "edges:\n  - {from: front, to: back, need: hard}"
    inserted = insert_edges(text, [NEW], file=tmp_path / "system.yaml")
    assert inserted.text == f"{text}\n  - {{from: back, to: deep, need: soft}}   # 3 connections seen\n"


def test_nothing_to_add_changes_nothing() -> None:
    assert insert_edges(HEAD + TAIL, [], file=FILE).text == HEAD + TAIL


@pytest.mark.parametrize(
    ("edge", "why"),
    [
        (NewEdge(consumer="front", provider="db", why=""), "a store without a database for 'front'"),
        (NewEdge(consumer="front", provider="gone", why=""), "ends at an unknown service or store 'gone'"),
        (NewEdge(consumer="front", provider="front", why=""), "joins a service to itself"),
    ],
)
def test_an_edge_that_would_not_be_sound_is_left_out_and_the_others_are_written(edge: NewEdge, why: str) -> None:
    inserted = insert_edges(HEAD + TAIL, [edge, NEW], file=FILE)
    assert inserted.edges == (NEW,)
    ((refused, reason),) = inserted.refused
    assert refused == edge
    assert why in reason


def test_a_description_that_is_not_sound_is_not_touched() -> None:
    with pytest.raises(DeclarationError, match="the entry 'fornt' is no service"):
        insert_edges(HEAD.replace("entry: front", "entry: fornt"), [NEW], file=FILE)


def test_edges_that_are_written_somewhere_else_are_left_alone() -> None:
    text = HEAD.replace("# mine\n", "") + "edges: *told\n"
    text = text.replace("stores:", "journeys: {}\nstores:")
    with pytest.raises(DeclarationError):
        insert_edges(text, [NEW], file=FILE)

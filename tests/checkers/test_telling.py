"""The order of cells: what tells most comes first."""

from __future__ import annotations

from harness.checkers.telling import HARDEST, telling_order
from harness.model.matrix import KINDS, Cell, FirstFault, Kind


def cell(journey: str, edge: str, kind: Kind, first: FirstFault | None = None) -> Cell:
    return Cell(journey=journey, edge=edge, kind=kind, first=first)


def test_every_kind_has_its_place() -> None:
    assert set(HARDEST) == set(KINDS)
    assert len(HARDEST) == len(KINDS)


def test_the_hardest_kind_is_tried_on_every_edge_before_the_next() -> None:
    cells = [cell("browse", edge, kind) for edge in ("a->b", "a->c") for kind in (Kind.RESET, Kind.TRUNCATE_HEAD)]

    assert [(each.kind, each.edge) for each in telling_order(cells)] == [
        (Kind.TRUNCATE_HEAD, "a->b"),
        (Kind.TRUNCATE_HEAD, "a->c"),
        (Kind.RESET, "a->b"),
        (Kind.RESET, "a->c"),
    ]


def test_critical_journeys_come_first() -> None:
    cells = [cell("browse", "a->b", Kind.RESET), cell("buy", "a->c", Kind.RESET)]

    assert [each.journey for each in telling_order(cells, ["buy"])] == ["buy", "browse"]


def test_a_kind_that_was_tried_on_an_edge_under_another_journey_comes_later() -> None:
    hard, next_ = HARDEST[0], HARDEST[1]
    cells = [cell(journey, "a->b", kind) for kind in (hard, next_) for journey in ("browse", "buy")]
    ordered = telling_order(cells, ["buy"])

    assert ordered[:2] == [cell("buy", "a->b", hard), cell("buy", "a->b", next_)]


def test_the_way_to_a_store_comes_after_all_hard_kinds_between_services_but_not_last() -> None:
    cells = [cell("browse", edge, kind) for edge in ("a->db", "a->b") for kind in (HARDEST[0], HARDEST[7], HARDEST[9])]

    assert [(each.edge, each.kind) for each in telling_order(cells, stores={"db"})] == [
        ("a->b", HARDEST[0]),
        ("a->b", HARDEST[7]),
        ("a->db", HARDEST[0]),
        ("a->b", HARDEST[9]),
        ("a->db", HARDEST[7]),
        ("a->db", HARDEST[9]),
    ]


def test_what_takes_two_faults_comes_later_than_the_same_with_one() -> None:
    first = FirstFault(edge="a->c", kind=Kind.REFUSED)
    cells = [cell("browse", "a->b", Kind.RESET, first), cell("browse", "a->d", Kind.RESET)]

    assert [each.edge for each in telling_order(cells)] == ["a->d", "a->b"]


def test_nothing_is_lost_and_nothing_doubled() -> None:
    cells = [cell(journey, edge, kind) for journey in "ab" for edge in ("a->b", "b->c") for kind in KINDS]

    assert sorted(map(str, telling_order(cells, ["b"]))) == sorted(map(str, cells))

"""Which cells stand for others: only those in which every service sees all that it would see there."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.alike import Call, Seen, prune
from harness.model.matrix import Cell, FirstFault, Kind

EDGE = "web->stock"
LOOK = Call("GET /products/{}", EDGE, "GET /stock/{}")
BUY = Call("POST /orders", EDGE, "POST /reservations")
RESETS = [Cell(journey=journey, edge=EDGE, kind=Kind.RESET) for journey in ("browse", "search")]


def test_a_cell_whose_calls_another_makes_too_is_left_out_and_the_reason_names_them() -> None:
    seen = {("browse", EDGE): Seen(calls=frozenset({LOOK})), ("search", EDGE): Seen(calls=frozenset({LOOK, BUY}))}
    pruning = prune(RESETS, seen)

    assert pruning.kept == (RESETS[1],)
    other, why = pruning.stands[RESETS[0]]
    assert other == RESETS[1]
    assert why == "search makes the same calls: GET /products/{}: web->stock GET /stock/{}"


def test_of_two_that_are_alike_the_critical_one_is_kept() -> None:
    seen = dict.fromkeys([("browse", EDGE), ("search", EDGE)], Seen(calls=frozenset({LOOK})))

    assert prune(RESETS, seen).kept == (RESETS[0],)
    assert prune(RESETS, seen, ["search"]).kept == (RESETS[1],)


def test_other_calls_another_number_of_them_or_another_request_is_something_new() -> None:
    for other in (BUY, replace(LOOK, nth=2), replace(LOOK, request="GET /search")):
        calls = frozenset({other})
        seen = {("browse", EDGE): Seen(calls=frozenset({LOOK})), ("search", EDGE): Seen(calls=calls)}
        assert prune(RESETS, seen).stands == {}


def test_what_a_visit_may_do_beyond_is_something_new_too() -> None:
    mine = Seen(calls=frozenset({LOOK}), perhaps=frozenset({LOOK, BUY}))
    seen = {("browse", EDGE): mine, ("search", EDGE): Seen(calls=frozenset({LOOK}))}

    assert prune(RESETS, seen).stands == {RESETS[1]: (RESETS[0], "browse makes the same calls: " + str(LOOK))}


def test_what_is_held_to_something_else_is_something_new() -> None:
    mine = Seen(calls=frozenset({LOOK}), held_to=("soft",))
    seen = {("browse", EDGE): mine, ("search", EDGE): replace(mine, held_to=("hard",))}

    assert prune(RESETS, seen).stands == {}


def test_where_nothing_could_be_heard_nothing_is_left_out() -> None:
    assert prune(RESETS, {}).kept == tuple(RESETS)
    assert prune(RESETS, {("browse", EDGE): Seen(), ("search", EDGE): Seen()}).kept == tuple(RESETS)


def test_neither_another_kind_nor_another_edge_nor_a_first_fault_is_stood_for() -> None:
    seen = dict.fromkeys([("browse", EDGE), ("search", EDGE)], Seen(calls=frozenset({LOOK})))
    first = FirstFault(edge="web->ads", kind=Kind.REFUSED)
    for other in (replace(RESETS[1], kind=Kind.LATENCY), replace(RESETS[1], first=first)):
        assert prune([RESETS[0], other], seen).stands == {}

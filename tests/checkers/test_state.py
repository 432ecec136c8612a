"""State: what shows an accepted command, and whether it shows though commands were refused."""

from __future__ import annotations

from harness.checkers.state import NO_STATE, StateSeen, Views, Witnesses, changes, state_seen, witnesses
from harness.model.visits import Trouble
from tests.checkers.trials import got, visit

SHOWS = Witnesses(shows={"GET /orders": frozenset({"/count"})})
REFUSED = visit(got(503, method="POST", path="/orders"), failed="x")


def test_what_a_command_changes_and_nothing_else_shows_it() -> None:
    idle: list[Views] = [{"a": {"count": 1, "at": 7}, "b": [1]}, {"a": {"count": 1, "at": 8}, "b": [1]}]

    assert witnesses(idle, {"a": {"count": 2, "at": 9}, "b": [1]}) == Witnesses(shows={"a": frozenset({"/count"})})


def test_a_list_that_grows_shows_a_command_as_a_whole() -> None:
    assert witnesses([{"a": []}, {"a": []}], {"a": [1]}) == Witnesses(shows={"a": frozenset({"/"})})


def test_what_can_not_be_read_again_shows_nothing() -> None:
    assert witnesses([{"a": 1}, {"a": 1}], {}) == Witnesses()


def test_a_change_where_commands_show_is_found_after_a_refusal() -> None:
    seen = state_seen(SHOWS, {"GET /orders": {"count": 1}}, {"GET /orders": {"count": 2}}, [REFUSED])

    assert seen.changed == ("GET /orders at /count",)


def test_a_change_elsewhere_and_no_change_are_nothing() -> None:
    before: Views = {"GET /orders": {"count": 1, "at": 1}}
    after: Views = {"GET /orders": {"count": 1, "at": 2}}

    assert state_seen(SHOWS, before, after, [REFUSED]).changed == ()
    assert changes(SHOWS, before, before) == ()


def test_after_an_accepted_or_unanswered_command_nothing_is_concluded() -> None:
    before: Views = {"GET /orders": {"count": 1}}
    after: Views = {"GET /orders": {"count": 2}}
    for exchange in (
        got(201, method="POST", path="/orders"),
        got(None, method="POST", path="/orders", trouble=Trouble.TIMEOUT),
    ):
        seen = state_seen(SHOWS, before, after, [REFUSED, visit(exchange)])
        assert seen.changed == ()
        assert "not every command was refused" in seen.remark


def test_without_a_view_that_shows_commands_it_is_said_that_nothing_was_looked_at() -> None:
    assert "state not looked at" in state_seen(Witnesses(), {}, {}, [REFUSED]).remark
    assert "no command was sent" in state_seen(SHOWS, {}, {}, [visit()]).remark
    assert StateSeen() == NO_STATE


def test_what_is_true_is_not_what_is_1() -> None:
    assert changes(SHOWS, {"GET /orders": {"count": 1}}, {"GET /orders": {"count": True}}) == ("GET /orders at /count",)
    assert changes(SHOWS, {"GET /orders": {"count": [1]}}, {"GET /orders": {"count": [1.0]}}) == ()

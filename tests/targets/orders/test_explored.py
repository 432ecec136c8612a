from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orders.facts import Step, TakenUp
from orders.saga import Recorded, Saga, after

from tests.targets.orders import explored
from tests.targets.orders.explored import FREE, World, effect, moves, world

MOST_MOVES = 60


def at_rest(it: World) -> World:
    """What becomes of it when nothing goes wrong any more."""
    for _ in range(MOST_MOVES):
        free = [move for move in moves(it) if move.cost == FREE]
        if not free:
            return it
        it = free[0].to
    raise AssertionError(f"it does not come to rest: {it}")


def all_worlds(start: World, troubles: int) -> int:
    """Visit every world that so many troubles can lead to, and judge each; gives their number."""
    seen = {start: troubles}
    todo = [(start, troubles, "")]
    judged: set[World] = set()
    while todo:
        it, left, how = todo.pop()
        if it not in judged:
            judged.add(it)
            judge(it, how)
        for move in moves(it):
            rest = left - move.cost
            if rest >= 0 and seen.get(move.to, -1) < rest:
                seen[move.to] = rest
                todo.append((move.to, rest, f"{how}, {move.name}"))
    return len(judged)


def judge(it: World, how: str) -> None:
    assert it.charges <= 1, how
    if it.record.step is Step.DONE:
        assert it.settled(), how
    end = at_rest(it)
    assert end.record.step is Step.DONE, how
    assert end.settled(), how
    for step in it.late:
        end = effect(end, step) or end
    assert end.settled(), f"{how}, then late arrivals"


def test_alone_and_undisturbed_it_is_confirmed() -> None:
    assert at_rest(world(1)).record.status == "confirmed"


def test_whatever_two_troubles_befall_one_runner_the_order_ends_whole() -> None:
    assert all_worlds(world(1), 2) > 300


def test_whatever_befalls_two_runners_at_once_the_order_ends_whole() -> None:
    assert all_worlds(world(2), 2) > 1000


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_after_any_story_however_unlucky_the_order_ends_whole(data: st.DataObject) -> None:
    it, how = world(2), ""
    for _ in range(data.draw(st.integers(0, 50))):
        possible = list(moves(it))
        if not possible:
            break
        move = data.draw(st.sampled_from(possible))
        it, how = move.to, f"{how}, {move.name}"
        judge(it, how)


def test_the_exploration_finds_a_saga_that_forgets_what_it_may_have_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(saga: Saga, _: object) -> Saga:
        return replace(saga, tainted=False)

    monkeypatch.setattr(explored, "attempted", forgetful)
    with pytest.raises(AssertionError, match=r"delayed|unheard"):
        all_worlds(world(1), 2)


def test_the_exploration_finds_runners_that_take_up_an_order_without_saying_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(saga: Saga, new: Recorded) -> Saga:
        now = after(saga, new)
        return replace(now, version=saga.version) if isinstance(new.fact, TakenUp) else now

    monkeypatch.setattr(explored, "after", silent)
    with pytest.raises(AssertionError):
        all_worlds(world(2), 3)

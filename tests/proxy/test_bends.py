"""What the relay is told to do to bytes: delays of each shape, choices that can be repeated."""

from __future__ import annotations

import json
from dataclasses import asdict
from random import Random
from statistics import mean, median, stdev

import pytest

from harness.proxy.bends import Bend, Budget, Delay, Flap, Shape, bend_of
from harness.proxy.lanes import Force

MANY = 20_000


def samples(delay: Delay) -> list[float]:
    chance = Random(1)  # noqa: S311 -- to be repeated
    return [delay.sample(chance) for _ in range(MANY)]


@pytest.mark.parametrize("shape", Shape)
def test_no_delay_is_shorter_or_longer_than_told(shape: Shape) -> None:
    delay = Delay(shape=shape, middle_s=0.1, spread_s=0.05)
    found = samples(delay)
    assert min(found) >= delay.shortest_s >= 0
    assert max(found) <= delay.longest_s


def test_an_even_jitter_is_even() -> None:
    found = samples(Delay(middle_s=0.1, spread_s=0.05))
    assert mean(found) == pytest.approx(0.1, rel=0.02)
    assert sum(each < 0.075 for each in found) / MANY == pytest.approx(0.25, abs=0.02)


def test_the_jitter_of_a_normal_distribution_is_its_deviation() -> None:
    found = samples(Delay(shape=Shape.NORMAL, middle_s=0.2, spread_s=0.02))
    assert mean(found) == pytest.approx(0.2, rel=0.02)
    assert stdev(found) == pytest.approx(0.02, rel=0.05)


def test_a_normal_distribution_never_goes_back_in_time() -> None:
    assert min(samples(Delay(shape=Shape.NORMAL, middle_s=0.05, spread_s=0.05))) == 0.0


def test_a_long_tail_has_its_jitter_on_average_and_a_few_that_take_very_long() -> None:
    found = samples(Delay(shape=Shape.PARETO, middle_s=0.1, spread_s=0.1))
    assert mean(found) == pytest.approx(0.2, rel=0.1)
    assert median(found) < 0.16
    assert max(found) > 1.0


def test_a_constant_delay_is_constant() -> None:
    assert set(samples(Delay(middle_s=0.1))) == {0.1}


def chosen(bend: Bend, line: str = "a-1->b-1") -> list[bool]:
    force = Force.of(bend, line)
    return [force.chooses() for _ in range(2000)]


def test_the_same_bend_chooses_the_same_connections_of_a_line_again_and_another_others() -> None:
    bend = Bend(key="it:", share=0.3)
    first = chosen(bend)
    assert sum(first) / len(first) == pytest.approx(0.3, abs=0.04)
    assert chosen(bend) == first
    assert chosen(bend, "a-2->b-1") != first
    assert chosen(Bend(key="it:", share=0.3, seed=1)) != first
    assert all(chosen(Bend(key="it:")))


def test_how_many_connections_live_when_it_begins_changes_no_choice_of_new_ones() -> None:
    bend = Bend(key="it:", share=0.3)
    force = Force.of(bend, "a-1->b-1")
    live = [force.chooses_live() for _ in range(2000)]
    assert sum(live) / len(live) == pytest.approx(0.3, abs=0.04)
    new = [force.chooses() for _ in range(2000)]
    assert new == chosen(bend) != live


@pytest.mark.parametrize(
    "bend",
    [
        Bend(key="a", share=0.5, seed=3, delay=Delay(shape=Shape.PARETO, middle_s=1.0, spread_s=0.5), delays="request"),
        Bend(key="b", swallows=("request", "reply"), holds=True),
        Bend(key="c", budget=Budget(bytes=7, way="request", end="reset"), cuts=True, resets=True),
        Bend(key="d", flap=Flap(period_s=2.0, down_s=0.5)),
    ],
    ids=lambda bend: bend.key,
)
def test_a_bend_comes_over_the_wire_as_it_was(bend: Bend) -> None:
    assert bend_of(json.loads(json.dumps(asdict(bend)))) == bend

"""What the page is told of seconds, events, places and faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cli.page import told as told_module
from harness.cli.page.known import experiments_told, faults_told, places
from harness.cli.page.series import KEPT_S, Series
from harness.cli.page.told import Told
from harness.declare import load_system
from harness.faults import FAULTS, fault_table
from harness.faults.edge_down import Down
from harness.model.events import InjectionArmed, InjectionHealed
from harness.model.experiment import Experiment
from harness.model.fault import Armed, EdgeTarget, Healed, HealedBy, Injection
from harness.model.figures import encoded
from harness.model.load_events import Noted, Observed
from harness.model.observation import GeneratorSecond, JourneySecond, Outcome
from harness.model.quantity import Duration

SYSTEM = """\
system: shop
entry: front
services:
  front: {owner: web, run: {command: [x]}, instances: [{zone: a}, {zone: b}]}
  back: {owner: stock, run: {command: [x]}, instances: [{zone: b}]}
edges: [{from: front, to: back, need: soft}]
"""


def row(second: int, outcome: Outcome, *latencies_s: float) -> JourneySecond:
    text = encoded(latencies_s)
    return JourneySecond(
        second=second, journey="look", outcome=outcome, count=len(latencies_s), latencies=text, service=text
    )


def test_rows_of_one_second_are_summed_and_what_failed_has_no_latency() -> None:
    series = Series()
    series.hear((row(3, Outcome.OK, 0.010, 0.020), row(3, Outcome.FAILED, 5.0)))
    series.hear((row(3, Outcome.DEGRADED, 0.030),))
    series.ask(3, 20.0)
    (it,) = series.since(0)
    assert (it["t"], it["asked"], it["ok"], it["degraded"], it["failed"], it["unknown"]) == (3, 20, 2, 1, 1, 0)
    assert it["p50"] == pytest.approx(20, rel=0.01)
    assert it["p99"] == pytest.approx(30, rel=0.01)


def test_only_what_changed_is_told_again_a_late_row_of_an_old_second_too() -> None:
    series = Series()
    series.hear((row(3, Outcome.OK, 0.01), row(4, Outcome.OK, 0.01)))
    before = series.revision
    assert series.since(before) == []
    series.hear((row(3, Outcome.UNKNOWN, 2.0),))
    assert [each["t"] for each in series.since(before)] == [3]


def test_the_present_is_the_last_ten_seconds_that_are_over() -> None:
    series = Series()
    series.hear((row(1, Outcome.FAILED, 1.0), row(2, Outcome.OK, 0.01), row(12, Outcome.FAILED, 1.0)))
    lately = series.lately(12.5)
    assert (lately["ok"], lately["failed"]) == (1, 0)
    assert series.lately(100.0)["p50"] is None


def of_generator(second: int, worker: str = "") -> GeneratorSecond:
    return GeneratorSecond(
        second=second, due=1, started=1, dropped=0, lag_p99_s=0.0, in_flight=0, cpu_share=0.1, worker=worker
    )


def test_a_second_is_whole_when_every_generator_has_told_of_the_next() -> None:
    series = Series()
    assert series.whole == 0
    series.told((of_generator(6, "1"), of_generator(7, "1"), of_generator(6, "2")))
    assert series.whole == 6
    series.told((of_generator(7, "2"),))
    assert series.whole == 7


def test_a_generator_that_tells_nothing_any_more_is_not_waited_for() -> None:
    series = Series()
    series.told((of_generator(7, "1"), of_generator(7, "2")))
    series.told(tuple(of_generator(second, "1") for second in range(8, 13)))
    assert series.whole == 12


def test_no_more_than_so_many_seconds_are_remembered() -> None:
    series = Series()
    for second in range(KEPT_S + 50):
        series.ask(second, 1.0)
    assert len(series.since(0)) == KEPT_S


def armed(name: str, t: float, *, bites: bool = True) -> InjectionArmed:
    evidence = Armed(in_force=bites, evidence="seen", took_s=0.5, on_s=0.1)
    return InjectionArmed(t=t, experiment="", injection=name, what=f"{name} under down", armed=evidence)


def healed(name: str, t: float, *, verified: bool = True) -> InjectionHealed:
    evidence = Healed(verified=verified, by=HealedBy.REMOVED, evidence="seen", took_s=0.2)
    return InjectionHealed(t=t, experiment="", injection=name, what=f"{name} under down", healed=evidence)


def test_a_fault_has_a_window_from_when_it_acted_until_it_was_seen_to_be_off() -> None:
    told = Told()
    for event in (armed("a", 10.0), armed("b", 11.0), armed("c", 12.0, bites=False), healed("b", 13.0, verified=False)):
        told.hear(event)
    told.hear(healed("a", 15.0))
    assert [(each["what"], each["end"]) for each in told.windows] == [("a under down", 15.0), ("b under down", None)]
    assert [each["start"] for each in told.windows] == [pytest.approx(9.6), pytest.approx(10.6)]


def test_events_are_told_once_in_words_and_figures_not_at_all() -> None:
    told = Told()
    told.hear(Observed())
    told.hear(armed("a", 10.0))
    told.hear(healed("a", 11.0, verified=False))
    assert [(each["n"], each["kind"], each["text"]) for each in told.after(0)] == [
        (1, "fault", "a under down: in force after 0.50 s (seen)"),
        (2, "heal", "a under down: NOT healed after 0.20 s (seen)"),
    ]
    assert told.after(2) == []


def test_only_the_last_events_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_module, "LINES_LIMIT", 2)
    told = Told()
    for number in range(4):
        told.hear(Noted(t=0.0, message=str(number)))
    assert [each["text"] for each in told.after(0)] == ["2", "3"]


def test_every_place_is_offered(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    found: Any = places(load_system(tmp_path / "system.yaml"))
    assert [each["name"] for each in found["edges"]] == ["customers->front", "front->back"]
    assert found["lines"] == ["front-1->back-1", "front-2->back-1"]
    assert [each["name"] for each in found["instances"]] == ["front-1", "front-2", "back-1"]
    assert found["zones"] == ["zone:a", "zone:b"]


def test_every_fault_is_offered_with_what_it_takes() -> None:
    offered: Any = {each["name"]: each for each in faults_told(fault_table())}  # type: ignore[index,call-overload]  # JSON
    assert set(FAULTS) <= set(offered)
    takes = {each["name"]: each for each in offered["latency"]["takes"]}
    assert next(iter(takes)) == "delay"
    assert takes["delay"]["needed"]
    assert takes["distribution"]["choices"] == ["uniform", "normal", "pareto"]
    assert takes["jitter"]["hint"] == "with its unit: 250 ms, 2 s"
    assert [each["name"] for each in offered["status"]["takes"]][-4:] == ["method", "path", "share", "seed"]
    assert [each["default"] for each in offered["status"]["takes"] if each["name"] == "asked"] == ["false"]
    assert offered["kill"]["on"] == "instance"


def test_an_experiment_says_what_it_would_do() -> None:
    target = EdgeTarget(consumer="front", provider="back")
    injection = Injection(id="1", fault=Down(), target=target, after=Duration(2), lasts=Duration(5))
    experiment = Experiment(name="gone", hypothesis="It copes.", injections=(injection,), weights={}, rate=1.0)
    assert experiments_told([experiment]) == [
        {
            "name": "gone",
            "says": "It copes.",
            "does": ["front → back under down, from 2 s on for 5 s"],
            "length_s": 7.0,
        }
    ]

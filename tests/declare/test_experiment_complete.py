"""What an experiment may say beyond one fault at one rate: order, ramps, bounds, guards, how far it may reach."""

from pathlib import Path
from typing import ClassVar, Literal

import pytest

from harness.declare import load_experiment, load_system
from harness.declare.injections import rungs_of
from harness.errors import DeclarationError
from harness.model.bound import Bound, Measure
from harness.model.experiment import Experiment, LoadRamp
from harness.model.fault import FaultSpec
from harness.model.guard import CommandGuard, EdgeGuard, FileGuard, JourneyGuard, SignalGuard
from harness.model.quantity import Duration, Share

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}, instances: [{zone: a}, {zone: b}]}
  back: {owner: core, run: {command: [back]}, instances: [{zone: a}, {zone: b}]}
edges:
  - {from: front, to: back, need: soft}
journeys:
  look: {deadline: 1s, usable_without: [back]}
  buy: {deadline: 1s, needs: [back]}
"""

EXPERIMENT = """\
experiment: back-worse-and-worse
hypothesis: A back that gets slower costs nobody anything.
load: {rate: 10, ramp: {from: 5, to: 40, over: 20s}, weights: {look: 1}}
injections:
  - sequence:
      - {edge: front->back, fault: slow, delay: {from: 50ms, to: 800ms, steps: 4}, for: 20s}
      - parallel:
          - {instance: back-1, fault: kill, for: 5s, after: 2s}
          - {edge: front->back, fault: slow, delay: 1s, for: 3s}
      - {instance: back-1, fault: kill, for: 1s}
during: {look.p99: "< 800ms", all.good: ">= 99%"}
after: {look.goodput: "> 8/s"}
blast_radius: {instances: 75%, zones: 100%}
guards:
  - {journey: look, bad: 10%}
  - {edge: front->back, failing: 20%, within: 10s}
  - {command: [test, -e, still-fine], every: 1s}
  - {file: stop}
  - {signal: SIGUSR1}
"""


class Slow(FaultSpec):
    kind: ClassVar[str] = "slow"
    acts_on: ClassVar[Literal["edge", "instance"]] = "edge"
    delay: Duration


class Kill(FaultSpec):
    kind: ClassVar[str] = "kill"
    acts_on: ClassVar[Literal["edge", "instance"]] = "instance"


FAULTS: dict[str, type[FaultSpec]] = {"slow": Slow, "kill": Kill}


def read(directory: Path, text: str) -> Experiment:
    (directory / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    (directory / "it.yaml").write_text(text, encoding="utf-8")
    return load_experiment(directory / "it.yaml", load_system(directory / "system.yaml"), faults=FAULTS)


def test_sequences_parallels_and_ramps_become_offsets(tmp_path: Path) -> None:
    found = [(each.id, each.after, each.lasts, each.fault) for each in read(tmp_path, EXPERIMENT).injections]
    steps = [
        (f"0-0-slow-step-{n + 1}", 5.0 * n, 5.0, Slow(delay=Duration(s))) for n, s in enumerate((0.05, 0.3, 0.55, 0.8))
    ]
    assert found == [
        *steps,
        ("0-1-0-kill", 22.0, 5.0, Kill()),
        ("0-1-1-slow", 20.0, 3.0, Slow(delay=Duration(1))),
        ("0-2-kill", 27.0, 1.0, Kill()),
    ]
    assert read(tmp_path, EXPERIMENT).fault_s == 28.0


def test_a_plain_list_is_side_by_side_as_ever(tmp_path: Path) -> None:
    plain = EXPERIMENT[: EXPERIMENT.index("  - sequence")] + (
        "  - {instance: back-1, fault: kill, for: 5s}\n  - {instance: back-2, fault: kill, for: 5s, after: 1s}\n"
    )
    assert [(each.id, each.after) for each in read(tmp_path, plain).injections] == [("0-kill", 0.0), ("1-kill", 1.0)]


def test_the_rate_rises_under_the_fault_and_then_stays(tmp_path: Path) -> None:
    experiment = read(tmp_path, EXPERIMENT)
    assert experiment.ramp == LoadRamp(start=5, end=40, over=Duration(20))
    assert [experiment.rate_under_fault(at) for at in (0, 10, 20, 28)] == [5, 22.5, 40, 40]
    assert experiment.due_under_fault(28) == pytest.approx(20 * 22.5 + 8 * 40)
    assert experiment.highest_rate == 40


def test_bounds_and_guards_become_values(tmp_path: Path) -> None:
    experiment = read(tmp_path, EXPERIMENT)
    assert experiment.during == (
        Bound(journey="look", measure=Measure.P99, sign="<", limit=0.8),
        Bound(journey="all", measure=Measure.GOOD, sign=">=", limit=0.99),
    )
    assert [str(each) for each in experiment.after] == ["look.goodput > 8/s"]
    assert experiment.guards == (
        JourneyGuard(journey="look", bad=Share(0.1)),
        EdgeGuard(consumer="front", provider="back", failing=Share(0.2), span=Duration(10)),
        CommandGuard(command=("test", "-e", "still-fine"), every=Duration(1)),
        FileGuard(path="stop"),
        SignalGuard(signal="SIGUSR1"),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from: 5, ", "from: 0, ", "it.yaml:3:31: 'from'"),
        ("ramp: {", "surge: 3, ramp: {", "'surge' and 'ramp' both say"),
        ("steps: 4", "steps: 1", "expected 2 to 20 steps, found 1"),
        ("to: 800ms", "to: 80%", "the ends of a ramp are of different kinds"),
        ("to: 800ms, ", "to: 800ms, step: 4, ", "a ramp has from, to and steps, found 'step'"),
        ("look.p99", "look.p98", "11:20: expected a journey (or 'all') and one of good"),
        ('"< 800ms"', '"800ms"', "11:20: expected a limit such as '< 800ms', found '800ms'"),
        ('"< 800ms"', '"< 80%"', "expected a duration"),
        ('"> 8/s"', '"> 8"', "12:23: expected journeys a second such as '15/s'"),
        ("look.p99", "buy.p99", "'buy.p99' is a figure of a journey that the load does not have"),
        (
            "instances: 75%",
            "instances: 25%",
            "13:15: it would touch 3 of 4 instances (front-1, front-2, back-1), and at",
        ),
        ("journey: look, bad: 10%", "journey: look", "15:5: a guard on a journey needs 'bad' or 'p99'"),
        ("journey: look, bad", "journey: lok, bad", "15:15: the guard looks at the journey 'lok'"),
        ("edge: front->back, failing", "edge: front->bakc, failing", "did you mean 'front->back'?"),
        ("{file: stop}", "{file: stop, bad: 1%}", "'bad' does not go with 'file'"),
        ("{file: stop}", "{file: stop, signal: SIGUSR1}", "found 'file' and 'signal'"),
        ("signal: SIGUSR1", "signal: SIGKILL", "19:14: 'signal'"),
        ("for: 3s", "for: 0s", "9:62: a fault must last longer than 0 s"),
        ("delay: 1s", "delay: 1", "9:53: 'delay': expected a duration"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in EXPERIMENT
    with pytest.raises(DeclarationError) as caught:
        read(tmp_path, EXPERIMENT.replace(old, new))
    assert said in str(caught.value)


def test_every_problem_is_told_not_only_the_first(tmp_path: Path) -> None:
    broken = (
        EXPERIMENT.replace("look.p99", "look.p98")
        .replace("for: 3s", "for: 0s")
        .replace("journey: look,", "journey: x,")
    )
    with pytest.raises(DeclarationError) as caught:
        read(tmp_path, broken)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("ramp", "values"),
    [
        ({"from": 10, "to": 40}, [10, 20, 30, 40]),
        ({"from": 0.5, "to": 1, "steps": 2}, [0.5, 1.0]),
        ({"from": "10%", "to": "90%", "steps": 3}, ["10%", "50%", "90%"]),
        ({"from": "1s", "to": "0s", "steps": 2}, ["1000.000000ms", "0.000000ms"]),
    ],
)
def test_a_ramp_has_both_its_ends_and_what_lies_between(ramp: dict[str, object], values: list[object]) -> None:
    assert rungs_of(ramp) == values  # type: ignore[arg-type]  # plain values, as YAML gives them

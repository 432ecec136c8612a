"""Histories made to order: a clean experiment on a small shop, of which a test changes what it is about.

The baseline lasts from 0 to 30 s, the fault from 30 to 50 s, the recovery from 50 to 70 s; every second sees
ten journeys `browse` and ten `checkout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

from harness.model.experiment import Expectation, Experiment, Role
from harness.model.fault import Armed, EdgeTarget, FaultSpec, Healed, HealedBy, Injection, InstanceTarget, Target
from harness.model.figures import encoded
from harness.model.history import Forced, History
from harness.model.observation import (
    AnswerClass,
    AnswerSecond,
    CrossingSecond,
    DistinctAnswer,
    GeneratorSecond,
    JourneySecond,
    Outcome,
    Window,
    WindowKind,
)
from harness.model.quantity import Duration
from harness.model.system import Edge, Journey, Need, Run, Service, Store, StoreKind, System
from harness.model.topology import Topology

BASELINE = Window(kind=WindowKind.BASELINE, start=0.0, end=30.0)
FAULT = Window(kind=WindowKind.FAULT, start=30.0, end=50.0)
RECOVERY = Window(kind=WindowKind.RECOVERY, start=50.0, end=70.0)
WINDOWS = (BASELINE, FAULT, RECOVERY)
ALPHA = 1e-3
JOURNEYS = ("browse", "checkout")


class Slow(FaultSpec):
    kind: ClassVar[str] = "slow"
    acts_on: ClassVar[Literal["edge", "instance"]] = "edge"


class Refuse(FaultSpec):
    kind: ClassVar[str] = "refuse"
    acts_on: ClassVar[Literal["edge", "instance"]] = "edge"
    passes_traffic: ClassVar[bool] = False


class Lose(FaultSpec):
    kind: ClassVar[str] = "lose"
    acts_on: ClassVar[Literal["edge", "instance"]] = "instance"
    passes_traffic: ClassVar[bool] = False


RECOMMENDATIONS = EdgeTarget(consumer="gateway", provider="recommendations")
PAYMENTS = EdgeTarget(consumer="orders", provider="payments")
CUSTOMERS = EdgeTarget(consumer="customers", provider="gateway")
LOST_PAYMENTS = InstanceTarget(service="payments")


@cache
def shop() -> Topology:
    """gateway → recommendations (soft), gateway → orders → payments → db (hard)."""
    owners = {"gateway": "edge", "recommendations": "personalization", "orders": "orders", "payments": "payments"}
    hard, soft = Need.HARD, Need.SOFT
    system = System(
        system="small-shop",
        entry="gateway",
        services={name: Service(owner=owner, run=Run(command=("true",))) for name, owner in owners.items()},
        stores={"db": Store(kind=StoreKind.POSTGRES)},
        edges=(
            Edge(consumer="gateway", provider="recommendations", need=soft),
            Edge(consumer="gateway", provider="orders", need=hard),
            Edge(consumer="orders", provider="payments", need=hard),
            Edge(consumer="payments", provider="db", need=hard),
        ),
        journeys={
            "browse": Journey(deadline=Duration(1), usable_without=("recommendations",)),
            "checkout": Journey(deadline=Duration(2), critical=True, needs=("orders", "payments", "db")),
        },
    )
    order = (("db",), ("payments", "recommendations"), ("orders",), ("gateway",))
    return Topology(system=system, root=".", start_order=order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """What each second of a window sees of one journey; its good ones take `latency_s`."""

    ok: int = 10
    degraded: int = 0
    failed: int = 0
    unknown: int = 0
    latency_s: float = 0.05


CLEAN = Each()
Lanes = Mapping[str, Each]


@cache
def latencies(latency_s: float, count: int) -> str:
    """So many latencies spread evenly up to 10 % around one."""
    return encoded(latency_s * (0.9 + 0.2 * (index + 0.5) / count) for index in range(count))


def journey_seconds(window: Window, journey: str, each: Each) -> Iterable[JourneySecond]:
    outcomes = {
        Outcome.OK: each.ok,
        Outcome.DEGRADED: each.degraded,
        Outcome.FAILED: each.failed,
        Outcome.UNKNOWN: each.unknown,
    }
    for second in range(int(window.start), int(window.end)):
        for outcome, count in outcomes.items():
            if count:
                text = latencies(each.latency_s, count)
                yield JourneySecond(
                    second=second, journey=journey, outcome=outcome, count=count, latencies=text, service=text
                )


def answer_seconds(
    window: Window, journey: str, answer: AnswerClass = AnswerClass.FULL, *, each: int = 10, latency_s: float = 0.02
) -> Iterable[AnswerSecond]:
    for second in range(int(window.start), int(window.end)):
        yield AnswerSecond(
            second=second,
            journey=journey,
            request=f"GET /{journey}",
            answer=answer,
            count=each,
            latencies=latencies(latency_s, each),
        )


def clean_answers(*journeys: str) -> tuple[AnswerSecond, ...]:
    """Ten quick full answers a second in every window, of these journeys."""
    return tuple(row for name in journeys for window in WINDOWS for row in answer_seconds(window, name))


def answer(journey: str, kind: AnswerClass, *, status: int = 500, body: str = "", error: str = "") -> DistinctAnswer:
    return DistinctAnswer(
        t=31.0,
        journey=journey,
        request=f"/{journey}",
        method="GET",
        path=f"/{journey}/1",
        status=status,
        answer=kind,
        shape="s",
        content_type="text/plain",
        headers={},
        body=body,
        error=error,
        count=7,
    )


def crossing_seconds(window: Window, line: str, *, requests: int = 5) -> Iterable[CrossingSecond]:
    for second in range(int(window.start), int(window.end)):
        yield CrossingSecond(
            second=second,
            line=line,
            connections=1,
            requests=requests,
            answers=requests,
            aborted=0,
            bytes_up=100,
            bytes_down=100,
            answer_ms_sum=1.0,
        )


def crossed(window: Window, *, requests: int = 5) -> tuple[CrossingSecond, ...]:
    """So many requests a second on every line of the shop."""
    return tuple(row for line in shop().lines for row in crossing_seconds(window, line.name, requests=requests))


def generator_seconds(
    window: Window, *, due: int = 20, started: int = 20, dropped: int = 0, lag_s: float = 0.002
) -> tuple[GeneratorSecond, ...]:
    return tuple(
        GeneratorSecond(
            second=second,
            due=due,
            started=started,
            dropped=dropped,
            lag_p99_s=lag_s,
            in_flight=1,
            cpu_share=0.2,
        )
        for second in range(int(window.start), int(window.end))
    )


def forced(
    injection: Injection, *, in_force: bool = True, verified: bool = True, healed: bool = True, armed_at: float = 30.2
) -> Forced:
    done = Healed(verified=verified, by=HealedBy.REMOVED, evidence="read back as off", took_s=0.1)
    return Forced(
        injection=injection,
        armed=Armed(in_force=in_force, evidence="read back as on", took_s=0.1),
        armed_at=armed_at,
        healed=done if healed else None,
        healed_at=50.1 if healed else None,
    )


def experiment(
    target: Target = RECOMMENDATIONS,
    *,
    fault: FaultSpec | None = None,
    expectations: Mapping[str, Expectation] | None = None,
    role: Role = Role.EXPERIMENT,
) -> Experiment:
    injection = Injection(id="i1", fault=fault or Slow(), target=target, lasts=Duration(20))
    return Experiment(
        name="the experiment",
        hypothesis="nobody notices",
        injections=(injection,),
        weights={"browse": 1.0, "checkout": 1.0},
        rate=20.0,
        expectations=dict(expectations or {}),
        role=role,
    )


def history(
    question: Experiment | None = None,
    *,
    baseline: Lanes | None = None,
    fault: Lanes | None = None,
    recovery: Lanes | None = None,
) -> History:
    """A closed history in which each journey fared as said, or else as on a clear day."""
    question = question or experiment()
    lanes = zip(WINDOWS, (baseline, fault, recovery), strict=True)
    return History(
        topology=shop(),
        experiment=question,
        windows=WINDOWS,
        forced=tuple(forced(injection) for injection in question.injections),
        journeys=tuple(
            row
            for window, each in lanes
            for name in JOURNEYS
            for row in journey_seconds(window, name, (each or {}).get(name, CLEAN))
        ),
        answers=clean_answers(*JOURNEYS),
        distinct=(),
        nonconformities=(),
        conformance_checked=4,
        operations=(),
        crossings=(*crossed(BASELINE), *crossed(FAULT), *crossed(RECOVERY)),
        generator=tuple(row for window in WINDOWS for row in generator_seconds(window)),
        reads=(),
        alpha=ALPHA,
        replay="harness run --only 'the experiment' --seed 7",
    )

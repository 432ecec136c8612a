"""V12: readiness that does not notice that a hard store is gone, and all that must not be taken for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.checkers.readiness import bereft, readiness
from harness.faults import black_hole, down, kill, latency
from harness.model.experiment import Role
from harness.model.fault import EdgeTarget, FaultSpec, InstanceTarget, Target
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import ReadySeen
from harness.model.quantity import Duration
from harness.model.verdict import Verdict
from tests.checkers.histories import PAYMENTS, Each, experiment, forced, history, shop

STORE = EdgeTarget(consumer="payments", provider="db")
ALL_FAIL = {"checkout": Each(ok=0, failed=5)}


def seen(
    says: Callable[[float], bool],
    fault: FaultSpec | None = None,
    target: Target = STORE,
    lanes: dict[str, Each] | None = None,
    role: Role = Role.EXPERIMENT,
) -> History:
    """A fault in force from 30.2 s to 50 s, and what the service that has lost its store said each second."""
    question = experiment(target, fault=fault or down(), role=role)
    looks = [
        ReadySeen(t=30.5 + each, service="payments", instance="payments-1", ready=says(30.5 + each))
        for each in range(19)
    ]
    found = history(question, fault=ALL_FAIL if lanes is None else lanes)
    return replace(found, forced=(forced(question.injections[0]),), readiness=tuple(looks))


def only(found: tuple[Finding, ...]) -> Finding:
    (one,) = found
    return one


@pytest.mark.parametrize("fault", [down(), black_hole()])
def test_whoever_says_ready_while_it_serves_nobody_is_refuted(fault: FaultSpec) -> None:
    found = only(readiness(seen(lambda _: True, fault)))

    assert (found.verdict, found.subject, found.owner) == (Verdict.FAIL, "payments", "payments")
    assert "payments-1 said ready to the end (/readyz) while payments → db was in force" in found.reason


def test_the_same_when_the_store_itself_is_killed() -> None:
    assert only(readiness(seen(lambda _: True, kill(), InstanceTarget(service="db")))).verdict is Verdict.FAIL


def test_whoever_says_no_in_time_has_noticed() -> None:
    found = only(readiness(seen(lambda t: t < 33)))

    assert found.verdict is Verdict.PASS
    assert "said that it is not ready" in found.reason


def test_whoever_goes_on_to_serve_some_may_be_ready() -> None:
    found = only(readiness(seen(lambda _: True, lanes={"checkout": Each(ok=1, failed=5)})))

    assert found.verdict is Verdict.PASS
    assert "told, not judged" in found.reason


def test_a_service_that_only_promises_to_listen_is_not_judged() -> None:
    rows = seen(lambda _: True)
    system = rows.topology.system
    service = system.services["payments"].model_copy(update={"ready": "tcp"})
    listening = system.model_copy(update={"services": {**system.services, "payments": service}})

    found = only(readiness(replace(rows, topology=replace(rows.topology, system=listening))))
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("fault", "target"),
    [
        (latency("1 s"), STORE),
        (down(), PAYMENTS),
        (down(), EdgeTarget(consumer="payments", provider="db", consumer_index=1)),
        (kill(), InstanceTarget(service="payments")),
    ],
)
def test_a_store_that_is_slow_or_a_provider_or_one_instance_is_no_store_that_is_gone(
    fault: FaultSpec, target: Target
) -> None:
    assert readiness(seen(lambda _: True, fault, target)) == ()
    assert bereft(shop(), experiment(target, fault=fault).injections) == {}


def test_too_few_looks_and_other_roles_say_nothing() -> None:
    rows = seen(lambda _: True)

    assert readiness(replace(rows, readiness=rows.readiness[:7])) == ()
    assert readiness(seen(lambda _: True, role=Role.PLACEBO)) == ()


def test_a_fault_that_was_over_before_anybody_could_notice_says_nothing() -> None:
    rows = seen(lambda _: True)
    short = replace(rows.forced[0], healed_at=float(Duration(33)))

    assert readiness(replace(rows, forced=(short,))) == ()

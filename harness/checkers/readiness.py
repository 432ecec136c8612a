"""V12: does a service that can't serve say so where it is asked whether it is ready?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.checkers.blame import of_service
from harness.checkers.found import finding
from harness.model.experiment import Role
from harness.model.fault import EdgeTarget, Injection
from harness.model.finding import Finding
from harness.model.history import Forced, History
from harness.model.observation import Outcome, ReadySeen, WindowKind
from harness.model.system import Need
from harness.model.topology import Topology
from harness.model.verdict import Verdict

CHECK = "readiness"

GONE = frozenset({"down", "black-hole", "half-open", "one-way", "kill", "pause", "stop"})
"""Faults under which nobody gets an answer."""
NOTICED_WITHIN_S = 5.0
"""So long it may take until whoever has lost a store says so."""
ENOUGH = 10
"""Journeys, and of fewer nothing is said."""
LOOKS = 3
"""At each instance at least."""
TCP = "tcp"
_SERVED = frozenset({Outcome.OK, Outcome.DEGRADED})


def readiness(history: History) -> tuple[Finding, ...]:
    """Of each service that has lost a hard store: whether it went on to say that it is ready.

    That is refuted only where it promises to tell, by a path that is asked, and where every journey that needs it
    failed: what goes on to serve, from a cache say, may well be ready.
    """
    if history.experiment.role is not Role.EXPERIMENT:
        return ()
    found = []
    for service, forced in _bereft(history):
        since = forced.armed_at + NOTICED_WITHIN_S
        until = forced.healed_at - (forced.healed.took_s if forced.healed else 0.0) if forced.healed_at else since
        looks = [each for each in history.readiness if each.service == service and since <= each.t < until]
        counts = Counter(each.instance for each in looks)
        if counts and min(counts.values()) >= LOOKS:
            found.append(_judged(history, service, str(forced.injection.target), looks, since, until))
    return tuple(found)


def bereft(topology: Topology, injections: Iterable[Injection]) -> dict[str, Injection]:
    """Service → the injection that takes a store from it without which it can do nothing, all of its instances."""
    found: dict[str, Injection] = {}
    for injection in injections:
        target, fault = injection.target, injection.fault
        if fault.kind not in GONE or fault.chooses:
            continue
        if isinstance(target, EdgeTarget):
            whole = target.consumer_index is None and target.provider_index is None
            lost = [target.edge] if whole else []
        else:
            alone = target.service in topology.system.stores and len(topology.instances_of(target.service)) <= 1
            lost = [name for name, edge in topology.edges.items() if alone and edge.provider == target.service]
        for name in lost:
            edge = topology.edges.get(name)
            if edge and edge.need is Need.HARD and topology.is_store(edge.provider):
                found.setdefault(edge.consumer, injection)
    return found


def _bereft(history: History) -> Iterable[tuple[str, Forced]]:
    forced = {each.injection.id: each for each in history.forced if each.armed.in_force}
    for service, injection in bereft(history.topology, history.experiment.injections).items():
        if injection.id in forced:
            yield service, forced[injection.id]


def _judged(  # noqa: PLR0913, PLR0917 -- who lost what, what it said, and when
    history: History, service: str, lost: str, looks: list[ReadySeen], since: float, until: float
) -> Finding:
    path = history.topology.service(service).ready
    no = [each for each in looks if not each.ready]
    never = {each.instance for each in looks} - {each.instance for each in no}
    if not never:
        first = min(each.t for each in no) - since + NOTICED_WITHIN_S
        return _found(history, service, Verdict.PASS, f"{service} said that it is not ready {first:.1f} s after {lost}")
    served, failed = _journeys(history, service, since, until)
    said = f"{', '.join(sorted(never))} said ready to the end ({path}) while {lost} was in force"
    if path != TCP and not served and failed >= ENOUGH:
        reason = f"{said}, and not one of {failed} journeys that need {service} was served"
        return _found(history, service, Verdict.FAIL, reason, "whoever asks it goes on to send it requests")
    why = f"{served} of {served + failed} journeys that need it went on"
    why = "it only promises to listen" if path == TCP else why
    return _found(history, service, Verdict.PASS, f"told, not judged, since {why}: {said}")


def _journeys(history: History, service: str, since: float, until: float) -> tuple[int, int]:
    """How many journeys that need a service were served meanwhile, and how many not."""
    served = failed = 0
    for name, journey in history.topology.system.journeys.items():
        if service not in journey.needs:
            continue
        for second in history.journeys_in(WindowKind.FAULT, name):
            if since <= second.second and second.second + 1 <= until:
                good = second.outcome in _SERVED
                served, failed = served + good * second.count, failed + (not good) * second.count
    return served, failed


def _found(history: History, service: str, verdict: Verdict, reason: str, *evidence: str) -> Finding:
    blame = of_service(history.topology, service)
    return finding(
        history, check=CHECK, verdict=verdict, reason=reason, subject=service, blame=blame, evidence=evidence
    )

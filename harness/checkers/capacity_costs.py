"""What each part of a system costs at the knee, who was at its limit first, and what a target would need."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from harness.checkers.capacity import interval
from harness.model.capacity import Cost, FleetNeeded, FleetPart, Interval, RateStep, Saturation, Use

FULL_CORE = 0.9
"""Of one core, what a process of one thread hardly gets beyond."""
FULL_MACHINE = 0.9
"""Of all cores of the machine, likewise."""
SLOWER_TIMES = 3.0
"""An instance that answers so many times as late as in the first step waits for something."""
LEFT_FREE = 0.4
"""Of a core: what a fleet leaves for bursts, and so that nobody waits long."""


def costs(
    steps: Sequence[RateStep], stores: Collection[str], idle: Mapping[str, float] | None = None
) -> tuple[Cost, ...]:
    """By service, of the steps at the knee together; services before stores, the most expensive first.

    Args:
        steps: those at the knee.
        stores: which of the names are those of stores.
        idle: instance → cores that it had before anybody came.
    """
    by_service: dict[str, list[list[Use]]] = {}
    for step in steps:
        for service in {each.service for each in step.uses}:
            by_service.setdefault(service, []).append([each for each in step.uses if each.service == service])
    before = {name: sum((idle or {}).get(each.instance, 0.0) for each in uses[0]) for name, uses in by_service.items()}
    found = [replace(_cost(name, uses, steps, before[name]), store=name in stores) for name, uses in by_service.items()]
    return tuple(sorted(found, key=lambda each: (each.store, -(each.cores or 0.0), each.service)))


def saturation(steps: Sequence[RateStep]) -> Saturation | None:
    """Who gave out first: an instance's core, this machine, or what an instance waits for; None where nobody knows."""
    for step in sorted(steps, key=lambda each: each.rate):
        full = [each for each in step.uses if each.cores is not None and each.cores >= FULL_CORE]
        if full:
            most = max(full, key=lambda each: each.cores or 0.0)
            why = f"at {step.rate:g} journeys a second it had {most.cores:.2f} cores: one thread has no more than one"
            return Saturation(who=most.instance, service=most.service, why=why)
        if step.machine and step.machine.busy >= FULL_MACHINE * step.machine.cores:
            return _machine(step)
    return _waiting(steps)


def needed(found: Sequence[Cost], pages: Interval, *, target: float, redundancy: int) -> FleetNeeded | None:
    """What a target of pages a second would need of each service whose CPU is known; None when nobody's is."""
    known = [each for each in found if each.page_ms is not None]
    if not known:
        return None
    parts = tuple(_part(each, target, redundancy) for each in known)
    dearest = max(known, key=lambda each: each.page_ms.estimate if each.page_ms else 0.0)
    part = next(each for each in parts if each.service == dearest.service)
    assert dearest.page_ms is not None  # noqa: S101 -- told to the type checker; only those are looked at
    usable = 1 - LEFT_FREE
    alone = math.ceil(part.cores.estimate / usable)
    cores, instances = sum(each.cores.estimate for each in parts), sum(each.instances for each in parts)
    arithmetic = (
        f"at the knee {pages.estimate:.4g} pages a second were served (95 %: {pages.low:.4g} to {pages.high:.4g})",
        "CPU for a page = (cores of a service at the knee - its cores before anybody came) / pages a second there",
        f"{part.service}: {dearest.page_ms.estimate:.3g} ms * {target:,.0f} pages/s = {part.cores.estimate:,.1f} cores",
        f"{part.service}: / {usable:g} of a core = {alone:,} instances; * {redundancy} = {part.instances:,}",
        f"all services and stores together: {cores:,.0f} cores busy, {instances:,} instances",
    )
    return FleetNeeded(
        target=target,
        redundancy=redundancy,
        parts=parts,
        arithmetic=arithmetic,
        assumptions=_assumptions(redundancy),
    )


def _cost(service: str, by_step: Sequence[Sequence[Use]], steps: Sequence[RateStep], idle: float) -> Cost:
    cores = [_sum(each.cores for each in uses) for uses in by_step]
    requests = [_sum(each.requests for each in uses) for uses in by_step]
    known = [(each, step) for each, step in zip(cores, steps, strict=False) if each is not None and step.pages]
    pages_ms = [max(each - idle, 0.0) * 1000 / step.page_rate for each, step in known]
    busiest = [each.cores for uses in by_step for each in uses if each.cores is not None]
    return Cost(
        service=service,
        instances=max(len(uses) for uses in by_step),
        cores=_mean(cores),
        requests=_mean(requests),
        busiest=max(busiest, default=None),
        idle=idle,
        page_ms=interval(pages_ms) if known else None,
    )


def _part(cost: Cost, target: float, redundancy: int) -> FleetPart:
    assert cost.page_ms is not None  # noqa: S101 -- told to the type checker; only those are asked
    low, estimate, high = (
        each * target / 1000 for each in (cost.page_ms.low, cost.page_ms.estimate, cost.page_ms.high)
    )
    return FleetPart(
        service=cost.service,
        store=cost.store,
        cores=Interval(low=low, estimate=estimate, high=high),
        instances=_instances(estimate, redundancy),
        fewest=_instances(low, redundancy),
        most=_instances(high, redundancy),
    )


def _instances(cores: float, redundancy: int) -> int:
    return max(math.ceil(cores / (1 - LEFT_FREE)), 1) * redundancy


def _assumptions(redundancy: int) -> tuple[str, ...]:
    return (
        "a page is a request of a customer that is answered well; customers do what they did in this run",
        "CPU for a page stays as it is with more instances: nothing is shared that gets slower by it",
        f"an instance has one core like those of this machine, of which {LEFT_FREE:.0%} stay free",
        f"redundancy {redundancy}: the fleet is there {redundancy} times, and any one of them could do alone",
        "stores can be divided among instances as services can; what they need of memory and disk is not looked at",
        "the network, and what a proxy or a balancer before the entry costs, is not reckoned",
    )


def _machine(step: RateStep) -> Saturation:
    assert step.machine is not None  # noqa: S101 -- told to the type checker; the caller has looked
    most = max(step.uses, key=lambda each: each.cores or 0.0, default=None)
    told = f", most of it {most.instance} with {most.cores:.2f}" if most and most.cores else ""
    own = _sum(each.cores for each in step.uses) or 0.0
    rest = max(step.machine.busy - own - step.machine.own, 0.0)
    why = (
        f"at {step.rate:g} journeys a second {step.machine.busy:.2f} of {step.machine.cores} cores were busy: "
        f"the system {own:.2f}{told}, the harness {step.machine.own:.2f}, others {rest:.2f}"
    )
    return Saturation(who="this machine", service=most.service if most else "", why=why)


def _waiting(steps: Sequence[RateStep]) -> Saturation | None:
    """With nobody's CPU at its limit, who answers so much later than at first: a pool, a lock, a disk."""
    ordered = sorted(steps, key=lambda each: each.rate)
    if len(ordered) < 2:  # noqa: PLR2004 -- there is nothing to compare with
        return None
    first = {each.instance: each.answer_s for each in ordered[0].uses}
    slower = [
        (each.answer_s / before, each)
        for each in ordered[-1].uses
        if each.answer_s and (before := first.get(each.instance))
    ]
    times, use = max(slower, key=lambda each: each[0], default=(0.0, None))
    if use is None or times < SLOWER_TIMES:
        return None
    under_way = (use.requests or 0.0) * (use.answer_s or 0.0)
    why = (
        f"no core was at its limit; it answers {times:.1f} times as late as at {ordered[0].rate:g} journeys a second, "
        f"with {under_way:.1f} requests under way on average (Little's law): a pool, a lock, a disk, or what it calls"
    )
    return Saturation(who=use.instance, service=use.service, why=why)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return fmean(known) if known else None

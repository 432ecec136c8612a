"""Whether a load does at all what an invariant is about: what nobody does puts it to no test, and is nobody's fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.model.finding import Finding
from harness.model.guarantee import MonotonicReads, OfThings
from harness.model.history import History
from harness.model.invariant import AcknowledgedKept, Invariant
from harness.model.observation import Operation
from harness.model.steps import Step
from harness.model.verdict import Verdict

READS, WRITES, DOES = "reads a", "writes a", "does"

Deed = tuple[str, str]
"""What customers do: `reads a`, `cart`; `does`, `place-order`."""


def told_unexercised(history: History, invariant: Invariant, found: Finding) -> Finding:
    """Of an experiment that was chosen: an invariant that its load can't put to the test is told, and not UNKNOWN.

    What the journeys declare or were seen to do, and of which nothing came, stays UNKNOWN; so does everything in a
    whole run, in which some experiment should have done it, and where no journey was seen at all.
    """
    if not history.chosen or found.verdict is not Verdict.UNKNOWN or not any(each.count for each in history.journeys):
        return found
    if any(name not in {each.name for each in history.reads if not each.error} for name in invariant.reads):
        return found
    missing = needed(invariant) - history.deeds - deeds_done(history.operations)
    if not missing:
        return found
    nobody = " and ".join(f"nobody {verb} {what}" for verb, what in sorted(missing))
    load = ", ".join(history.experiment.weights)
    return replace(
        found,
        verdict=Verdict.PASS,
        reason=f"told, not judged, since it is not exercised by this load ({load}): {nobody}; a whole run is to do it",
    )


def needed(invariant: Invariant) -> frozenset[Deed]:
    """What must be done for an invariant to be put to the test, as far as it is about operations."""
    match invariant:
        case AcknowledgedKept():
            return frozenset({(DOES, invariant.operation)})
        case MonotonicReads(version=str()):  # a version that goes back is seen though nobody here wrote
            return frozenset({(READS, invariant.thing)})
        case OfThings():
            return frozenset({(READS, invariant.thing), (WRITES, invariant.thing)})
        case _:
            return frozenset()


def deeds_done(operations: Iterable[Operation]) -> frozenset[Deed]:
    """What was done or tried; a read that was refused was tried."""
    found: set[Deed] = set()
    for each in operations:
        found.add((DOES, each.name))
        kind, _, which = each.thing.partition("/")
        if which and each.writes:
            found.add((WRITES, kind))
        if which and (not each.writes or each.saw is not None):
            found.add((READS, kind))
    return frozenset(found)


def deeds_declared(steps: Iterable[Step]) -> frozenset[Deed]:
    """What declared steps do, whether or not they are ever reached."""
    found: set[Deed] = set()
    for each in steps:
        found.add((DOES, each.operation))
        if each.touches is not None:
            kind = each.touches.thing.partition("/")[0]
            found |= {(WRITES, kind)} if each.touches.writes else set()
            found |= {(READS, kind)} if each.touches.sees is not None else set()
    return frozenset(found)

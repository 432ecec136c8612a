"""What excuses red in a run: the waivers of its system, and an earlier run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from harness.checkers.excuses import Earlier, Excuses
from harness.clock import Clock
from harness.declare import load_experiments
from harness.declare.accepted import ACCEPTED, load_accepted
from harness.engine.earlier import read_earlier
from harness.faults import fault_table
from harness.model.topology import Topology
from harness.model.waiver import Waiver


def names_of_experiments(chaos: Path, topology: Topology, *, named: bool = False) -> frozenset[str]:
    """The experiments of a content folder, where a waiver is of one; none where nobody asks for them.

    What is wrong with an experiment keeps nobody from a matrix, unless a waiver is of one.

    Raises:
        DeclarationError: with what is wrong in them.
    """
    file = chaos / ACCEPTED
    if not named and not (file.exists() and "finding" in file.read_text(encoding="utf-8", errors="replace")):
        return frozenset()
    return frozenset(each.name for each in load_experiments(chaos / "experiments", topology, faults=fault_table()))


def waivers_of(topology: Topology) -> tuple[Waiver, ...]:
    """The waivers of a system; raises DeclarationError with what is wrong in them."""
    chaos = Path(topology.root) / topology.system.content.chaos
    return load_accepted(chaos, topology, names_of_experiments(chaos, topology))


def excuses_of(topology: Topology, against: Path | None) -> tuple[tuple[Waiver, ...], Earlier | None]:
    """Both, read before anything starts.

    Raises:
        DeclarationError: with what is wrong in either.
    """
    return waivers_of(topology), read_earlier(against, topology.name) if against is not None else None


def excuses_at(clock: Clock, waivers: tuple[Waiver, ...], earlier: Earlier | None) -> Excuses:
    """Them as they are on the day that the clock tells, in UTC."""
    return Excuses(waivers=waivers, today=clock.wall().astimezone(dt.UTC).date(), earlier=earlier)

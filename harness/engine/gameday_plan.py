"""A game day read and proved sound, with all that its experiments need, before anything starts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from harness.declare import load_experiments, load_system
from harness.declare.gameday import load_gameday
from harness.declare.validate import nearest
from harness.engine.prepare import Options, Plan, prepare
from harness.engine.session import Settings
from harness.errors import DeclarationError, Place, Problem
from harness.faults import fault_table
from harness.model.experiment import Experiment, Role
from harness.model.gameday import GameDay, Part
from harness.model.topology import Topology

FOLDER = "gamedays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A game day, and the system that it is for."""

    system: Path
    topology: Topology
    gameday: GameDay
    experiments: dict[str, Experiment]


def declared(system: Path, named: str, *, now: dt.datetime) -> Declared:
    """Read a game day by its name or file; raises DeclarationError with every problem found."""
    topology = load_system(system)
    chaos = Path(topology.root) / topology.system.content.chaos
    experiments = {each.name: each for each in load_experiments(chaos / "experiments", topology, faults=fault_table())}
    file = _from_here(_file(named, chaos / FOLDER))
    gameday = load_gameday(file, topology, experiments, now=now)
    plan_of(system, gameday, gameday.parts, Settings())
    return Declared(system=system, topology=topology, gameday=gameday, experiments=experiments)


def plan_of(system: Path, gameday: GameDay, parts: Collection[Part], settings: Settings) -> tuple[Options, Plan]:
    """What the run of these parts needs, in their order, each experiment with the game day's guards.

    Raises:
        DeclarationError: as `harness.engine.prepare.prepare`.
    """
    names = tuple(part.experiment for part in parts)
    options = Options(system=system, parts=frozenset({"chaos"}), only=names, again=0, settings=settings)
    plan = prepare(options)
    named = {each.name: each for each in plan.experiments}
    proofs = [each for each in plan.experiments if each.role is not Role.EXPERIMENT]
    guarded = [replace(named[name], guards=(*named[name].guards, *gameday.guards)) for name in names]
    return options, replace(plan, experiments=(*proofs, *guarded))


def _file(named: str, folder: Path) -> Path:
    if named.endswith((".yaml", ".yml")) or "/" in named:
        return Path(named)
    known = {each.stem for each in folder.glob("*.yaml")}
    if named in known:
        return folder / f"{named}.yaml"
    problem = Problem(place=Place(file=str(folder)), message=f"no game day '{named}'", remedy=nearest(named, known))
    raise DeclarationError([problem])


def _from_here(file: Path) -> Path:
    """As people name it, without the way round by the description's folder."""
    whole = file.resolve()
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else file

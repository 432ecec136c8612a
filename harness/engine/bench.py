"""What all experiments of a run share, what one has come to so far, and the history that the checkers read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from harness.checkers.exercised import Deed
from harness.contracts.conformance import Conformance
from harness.engine.beside import Beside
from harness.engine.changed_rows import ChangedRows
from harness.engine.guard import Senses
from harness.engine.session import Session
from harness.load.driver import LoadDriver
from harness.model.experiment import Experiment, Role
from harness.model.history import Forced, History, Nonconformity
from harness.model.invariant import Invariants
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import (
    AnswerSecond,
    CrossingSecond,
    DistinctAnswer,
    FinalRead,
    GeneratorSecond,
    JourneySecond,
    ReadySeen,
    Window,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all experiments of a run share."""

    session: Session
    driver: LoadDriver
    baseline: Window
    invariants: Invariants
    conformance: Conformance | None
    alpha: float
    """The error rate that each single test may spend."""
    replay: str
    """The command that repeats an experiment, without its name."""
    signals: Mapping[str, asyncio.Event] = field(default_factory=dict)
    """The signals that guards wait for, each with what tells that it came."""
    stopped: list[str] = field(default_factory=list)
    """Which guard stopped an experiment, and why; nothing goes on after that."""
    doubts: list[str] = field(default_factory=list)
    """Why the harness can't be trusted in this run: a placebo that found something, a control that was not noticed."""
    beside: Beside | None = None
    """Who looks at what else has the machine's processors; None where nobody does."""
    again: int = 0
    """How often an experiment that the machine disturbed is asked again."""
    chosen: bool = False
    """Whether the experiments were asked for by their names."""
    deeds: frozenset[Deed] = frozenset()
    """What the steps of their journeys declare that they do."""
    changed_rows: ChangedRows = field(default_factory=ChangedRows)


@dataclass(slots=True, kw_only=True)
class Progress:
    """What an experiment has come to so far."""

    windows: list[Window]
    forced: dict[str, Forced] = field(default_factory=dict)
    distinct: tuple[DistinctAnswer, ...] = ()
    reads: tuple[FinalRead, ...] = ()
    sick: set[str] = field(default_factory=set)
    """Proxies that died or hung while the fault was in force."""
    broken_off: asyncio.Event = field(default_factory=asyncio.Event)
    """One of them did: what is in force is healed at once, and what is not yet never will be."""
    readiness: tuple[ReadySeen, ...] = ()
    """What services said that have lost a hard store."""
    company: list[Company] = field(default_factory=list)
    """Who had the machine's processors, window by window."""
    lost: int = 0
    """Journeys that were still in flight when nobody waited any more."""

    def trouble(self, driver: LoadDriver) -> tuple[str, ...]:
        """What went wrong with the harness's own parts."""
        found = [
            f"{name} died or hung while the fault was in force, so the experiment was broken off"
            for name in sorted(self.sick)
        ]
        if not driver.alive:
            found.append("the load generator died")
        if self.lost:
            found.append(f"{self.lost} journeys were still in flight long after the end of the load")
        return tuple(found)


def senses(bench: Bench) -> Senses:
    """What guards look at in this run."""
    session = bench.session
    recorder, edges = session.recorder, session.topology.edges
    return Senses(
        clock=session.clock,
        now=session.now,
        refresh=bench.driver.flush,
        journeys=lambda: recorder.journeys,
        crossings=lambda: recorder.crossings,
        lines={edge: frozenset(line.name for line in session.topology.lines if line.edge == edge) for edge in edges},
        signals=bench.signals,
        spawner=session.supervisor,
        log=session.directory / "logs" / "guards.log",
    )


def history(bench: Bench, experiment: Experiment, progress: Progress) -> History:
    """What was observed of an experiment so far, together with the shared baseline."""
    recorder = bench.session.recorder
    since = bench.session.now() if len(progress.windows) == 1 else progress.windows[1].start
    checked, nonconformities = _conformance(bench, progress.distinct)
    return History(
        topology=bench.session.topology,
        experiment=experiment,
        windows=tuple(progress.windows),
        forced=tuple(progress.forced.values()),
        journeys=_kept(recorder.journeys, bench.baseline, since),
        answers=_kept(recorder.answers, bench.baseline, since),
        distinct=progress.distinct,
        nonconformities=nonconformities,
        conformance_checked=checked,
        operations=bench.driver.operations(),
        crossings=_kept(recorder.crossings, bench.baseline, since),
        generator=_kept(recorder.generator, bench.baseline, since),
        reads=progress.reads,
        alpha=bench.alpha,
        replay=f"{bench.replay} {experiment.ask}" if experiment.role is Role.EXPERIMENT else bench.replay,
        invariants=bench.invariants.invariants,
        trouble=(*bench.doubts, *progress.trouble(bench.driver)),
        spans=() if bench.session.spans is None else bench.session.spans.room.since(since),
        traces=tuple(each for each in recorder.traces if each.t >= since),
        readiness=progress.readiness,
        company=tuple(progress.company),
        neighbours=bench.beside.neighbours if bench.beside else Neighbours.DOUBT,
        chosen=bench.chosen,
        deeds=bench.deeds,
    )


_Second = TypeVar("_Second", JourneySecond, AnswerSecond, CrossingSecond, GeneratorSecond)


def _kept(seconds: Iterable[_Second], baseline: Window, since: float) -> tuple[_Second, ...]:
    """Those of the shared baseline and of this experiment: the experiments between say nothing about it."""
    return tuple(each for each in seconds if baseline.covers(each.second) or each.second >= since)


def _conformance(bench: Bench, distinct: Iterable[DistinctAnswer]) -> tuple[int, tuple[Nonconformity, ...]]:
    checked, found = 0, []
    if bench.conformance is None:
        return 0, ()
    for answer in distinct:
        problems = bench.conformance.problems(answer)
        checked += problems is not None
        if problems:
            found.append(Nonconformity(answer=answer, service=bench.conformance.service, problems=problems))
    return checked, tuple(found)

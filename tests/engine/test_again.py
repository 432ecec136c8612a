"""An experiment that the machine disturbed is conducted again, under its name; what it came to then is its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.engine import experiment as conducting
from harness.engine import run as running
from harness.engine.bench import Bench, Progress
from harness.engine.experiment import conduct
from harness.engine.prepare import Options, Plan
from harness.engine.run import _Run
from harness.engine.session import Session
from harness.model.events import ExperimentEnded, ExperimentStarted
from harness.model.experiment import Experiment, Role
from harness.model.fault import Armed
from harness.model.finding import Finding, Part
from harness.model.history import Forced, History
from harness.model.invariant import Invariants
from harness.model.load_events import Noted
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import BASELINE, FAULT, Each, experiment, history, journey_seconds, shop
from tests.engine.test_ending import Stopping

BUSY = Company(window=WindowKind.FAULT, start=30.0, end=50.0, cores=2, others=0.41, stolen=0.0, idle=0.02)
QUIET = replace(BUSY, others=0.02, idle=0.4)
QUESTION = experiment()


def found(verdict: Verdict) -> Finding:
    return Finding(
        check="recovery", part=Part.RESILIENCE, verdict=verdict, reason="seen", subject="s", experiment=QUESTION.name
    )


@dataclass
class Stage(Stopping):
    """A session, and what comes of each attempt: a verdict, and who was beside."""

    directory: Path
    attempts: list[tuple[Verdict, Company]]
    said: list[str] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        Stopping.__init__(self, self.directory)
        self.topology = shop()

    say = property(lambda self: self.said.append)
    tell = Session.tell

    @property
    def verdicts(self) -> list[Verdict]:
        return [each.verdict for each in self.recorder.findings]

    def ended(self) -> list[ExperimentEnded]:
        return [each for each in self.recorder.events if isinstance(each, ExperimentEnded)]

    def notes(self) -> list[str]:
        return [each.message for each in self.recorder.events if isinstance(each, Noted)]


async def no_more_load(_within_s: float) -> int:
    return 0


def staged(monkeypatch: pytest.MonkeyPatch, stage: Stage, *, again: int) -> Bench:
    """A bench on which each attempt comes to the next of its results."""

    async def steady(_bench: Bench, _experiment: Experiment) -> tuple[bool, Window]:
        return True, replace(FAULT, kind=WindowKind.WARM_UP)

    async def nothing(*_: object) -> None:
        return None

    async def none_crashed(*_: object) -> tuple[Finding, ...]:
        return ()

    async def as_they_are(_session: object, _name: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(findings)

    def judge(_history: History) -> tuple[Finding, ...]:
        stage.made += 1
        return (found(stage.attempts[stage.made - 1][0]),)

    def seen(_bench: Bench, _experiment: Experiment, _progress: Progress) -> History:
        return replace(history(QUESTION), company=(stage.attempts[max(stage.made - 1, 0)][1],))

    for name, fake in {
        "_steady": steady, "_break_and_recover": nothing, "rest": nothing, "crashed": none_crashed,
        "with_logs": as_they_are, "judge": judge, "measured": lambda _history: None, "history": seen,
    }.items():  # fmt: skip
        monkeypatch.setattr(conducting, name, fake)
    session: Any = stage
    driver: Any = None
    return Bench(
        session=session,
        driver=driver,
        baseline=BASELINE,
        invariants=Invariants(),
        conformance=None,
        alpha=0.01,
        replay="harness chaos run",
        again=again,
    )


async def test_what_others_disturbed_is_asked_again_and_the_last_answer_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, [(Verdict.UNKNOWN, BUSY), (Verdict.PASS, QUIET)])
    assert await conduct(staged(monkeypatch, stage, again=1), QUESTION) is Verdict.PASS
    assert stage.verdicts == [Verdict.PASS]
    first, second = stage.ended()
    assert (first.name, first.verdict, bool(first.void)) == (QUESTION.name, Verdict.UNKNOWN, True)
    assert (second.name, second.verdict, second.void) == (QUESTION.name, Verdict.PASS, "")
    assert sum(isinstance(each, ExperimentStarted) for each in stage.recorder.events) == 2
    why = f"{QUESTION.name} does not count, since the machine disturbed it, and is asked again: fault: others had 41 %"
    assert [each.startswith(why) for each in stage.notes()] == [True]
    assert stage.said == stage.notes()


async def test_what_is_red_once_the_machine_is_quiet_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, [(Verdict.UNKNOWN, BUSY), (Verdict.FAIL, QUIET)])
    assert await conduct(staged(monkeypatch, stage, again=1), QUESTION) is Verdict.FAIL
    assert stage.verdicts == [Verdict.FAIL]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.PASS])
async def test_what_came_to_an_answer_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: Verdict
) -> None:
    stage = Stage(tmp_path, [(verdict, BUSY), (Verdict.PASS, QUIET)])
    assert await conduct(staged(monkeypatch, stage, again=3), QUESTION) is verdict
    assert (stage.made, stage.verdicts) == (1, [verdict])


async def test_what_nobody_disturbed_stays_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, [(Verdict.UNKNOWN, QUIET), (Verdict.PASS, QUIET)])
    assert await conduct(staged(monkeypatch, stage, again=1), QUESTION) is Verdict.UNKNOWN
    assert (stage.made, stage.verdicts) == (1, [Verdict.UNKNOWN])


@pytest.mark.parametrize("again", [0, 2])
async def test_it_is_asked_no_more_often_than_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: int
) -> None:
    stage = Stage(tmp_path, [(Verdict.UNKNOWN, BUSY)] * 5)
    assert await conduct(staged(monkeypatch, stage, again=again), QUESTION) is Verdict.UNKNOWN
    assert (stage.made, stage.verdicts) == (again + 1, [Verdict.UNKNOWN])
    assert [bool(each.void) for each in stage.ended()] == [True] * again + [False]


@pytest.mark.parametrize(
    ("recovery_s", "company", "role", "verdict"),
    [
        pytest.param(None, QUIET, Role.EXPERIMENT, Verdict.FAIL, id="it never got well"),
        pytest.param(None, BUSY, Role.EXPERIMENT, Verdict.UNKNOWN, id="others are there again"),
        pytest.param(3.0, QUIET, Role.EXPERIMENT, Verdict.UNKNOWN, id="it had got well"),
        pytest.param(None, QUIET, Role.PLACEBO, Verdict.UNKNOWN, id="nothing had broken it"),
    ],
)
async def test_who_does_not_get_well_any_more_is_red_once_the_machine_is_quiet(  # noqa: PLR0913, PLR0917 -- what it depends on
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recovery_s: float | None,
    company: Company,
    role: Role,
    verdict: Verdict,
) -> None:
    question = replace(QUESTION, role=role)
    stage = Stage(tmp_path, [(Verdict.UNKNOWN, BUSY), (Verdict.UNKNOWN, company)])
    driver: Any = SimpleNamespace(quiesce=no_more_load)
    bench = replace(staged(monkeypatch, stage, again=1), driver=driver)
    warm_ups = iter([True, False])

    async def steady(_bench: Bench, _experiment: Experiment) -> tuple[bool, Window]:
        return next(warm_ups), Window(kind=WindowKind.WARM_UP, start=70.0, end=90.0)

    async def broken(_bench: Bench, _experiment: Experiment, progress: Progress) -> float | None:
        injection = QUESTION.injections[0]
        progress.forced[injection.id] = Forced(
            injection=injection, armed=Armed(in_force=True, evidence="seen", took_s=0.0), armed_at=30.0, healed_at=50.0
        )
        return recovery_s

    def seen(_bench: Bench, _experiment: Experiment, progress: Progress) -> History:
        known = history(QUESTION)
        if progress.forced:
            return replace(known, company=(BUSY,))
        ill = [
            row
            for name in QUESTION.weights
            for row in journey_seconds(progress.windows[-1], name, Each(ok=0, failed=10))
        ]
        beside = replace(company, window=WindowKind.WARM_UP)
        return replace(known, windows=tuple(progress.windows), journeys=(*known.journeys, *ill), company=(beside,))

    for name, fake in {"_steady": steady, "_break_and_recover": broken, "history": seen}.items():
        monkeypatch.setattr(conducting, name, fake)
    assert await conduct(bench, question) is verdict
    (only,) = stage.recorder.findings
    assert only.check == ("recovery" if verdict is Verdict.FAIL else "steady-state")


async def test_after_a_guard_stopped_it_nothing_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, [(Verdict.UNKNOWN, BUSY), (Verdict.PASS, QUIET)])
    bench = staged(monkeypatch, stage, again=1)
    bench.stopped.append("the guard of x stopped it")
    assert await conduct(bench, QUESTION) is Verdict.UNKNOWN
    assert stage.made == 1


@pytest.mark.parametrize(
    ("again", "neighbours", "measured"),
    [(1, Neighbours.DOUBT, 2), (0, Neighbours.DOUBT, 1), (1, Neighbours.JUDGE, 1)],
    ids=["again", "not asked for", "others are not to matter"],
)
async def test_a_baseline_beside_others_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: int, neighbours: Neighbours, measured: int
) -> None:
    stage = Stage(tmp_path, [])
    made: list[Window] = []

    async def measure(_session: Session, **_: object) -> Window:
        made.append(replace(BASELINE, start=100.0 * len(made), end=100.0 * len(made) + 30))
        return made[-1]

    async def quiet() -> None:
        made_quiet.append(len(made))

    made_quiet: list[int] = []
    beside: Any = SimpleNamespace(
        begin=lambda: None,
        quiet=quiet,
        until_now=lambda kind: replace(BUSY if len(made) == 1 else QUIET, window=kind),
        neighbours=neighbours,
    )
    monkeypatch.setattr(running, "measure_baseline", measure)
    plan = Plan(topology=shop(), experiments=(QUESTION,), invariants=Invariants(), rate=10.0)
    job = _Run(Options(system=Path("system.yaml"), again=again), plan, lambda _: None)
    session: Any = stage
    job.session = session
    assert await job._baseline(beside, 0.01) == made[-1]
    assert len(made) == measured
    assert len(stage.notes()) == measured - 1
    assert made_quiet == list(range(1, measured))

"""A game day conducted: only when it may be, alone, in order, stopped in time, and gone on with. No system is run."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.engine.concluding import RunResult
from harness.engine.gameday import GameDayResult, Wish, World, conduct_gameday
from harness.engine.gameday_journal import DIARY, Asked, Diary, Ended, done_in, events_of, read_diary, under_fault_s
from harness.engine.gameday_lock import LOCK, Owner, Taken, locked, owner
from harness.engine.gameday_plan import Declared, declared
from harness.engine.gameday_preflight import NotReady
from harness.engine.gameday_told import tell_gameday
from harness.engine.gameday_when import Outside
from harness.engine.prepare import Options, Plan
from harness.engine.recorder import Recorder
from harness.errors import DeployError, JournalError, Stopped
from harness.model.events import (
    ExperimentEnded,
    ExperimentStarted,
    FindingMade,
    InjectionArmed,
    InjectionHealed,
    RunEnded,
    RunStarted,
)
from harness.model.experiment import Role
from harness.model.fault import Armed, Healed, HealedBy
from harness.model.finding import Finding, Part
from harness.model.notice import Notice, Told
from harness.model.verdict import Verdict
from harness.observe.journal import JOURNAL, Journal
from harness.runtime import procfs

STOP_S = 90.0
BEGINS = dt.datetime(2026, 11, 24, 10, 0, tzinfo=dt.UTC)
SYSTEM = """\
system: tiny
entry: front
content: {chaos: chaos, load: locustfile.py}
services:
  front: {owner: web, run: {command: [front, "{port}"]}, ready: /}
  back: {owner: core, run: {command: [back, "{port}"]}, ready: /}
edges:
  - {from: front, to: back, need: hard}
journeys:
  look: {deadline: 1s, needs: [back]}
"""
EXPERIMENT = """\
experiment: NAME
hypothesis: Nobody misses what is behind.
injections:
  - {edge: front->back, fault: down, for: 60s}
"""
GAMEDAY = """\
gameday: day
title: A day
windows: [{from: "09:00", to: "11:00"}]
experiments: [three, one, two]
pause: 60s
"""


class FakeClock:
    """Time that passes only when everybody waits."""

    def __init__(self) -> None:
        self.t = 0.0
        self._until: list[float] = []

    def now(self) -> float:
        return self.t

    def wall(self) -> dt.datetime:
        return BEGINS + dt.timedelta(seconds=self.t)

    async def sleep(self, seconds: float) -> None:
        until = self.t + seconds
        self._until.append(until)
        try:
            while self.t < until:
                for _ in range(20):
                    await asyncio.sleep(0)
                self.t = max(self.t, min(self._until))
        finally:
            self._until.remove(until)


@dataclass(kw_only=True)
class FakeRun:
    """A run of the experiments of a plan: each takes a minute, and what is told of it is in its journal."""

    clock: FakeClock
    verdict: Verdict = Verdict.PASS
    guard_at: str = ""
    dies_at: str = ""
    error: DeployError | None = None
    stopping: Callable[[], None] = lambda: None
    """Done when all is over, and everything begins to be stopped."""
    ran: list[str] = field(default_factory=list)
    meanwhile: Callable[[str], None] = lambda _name: None

    async def __call__(
        self, options: Options, *, say: object, plan: Plan, before: Callable[..., Awaitable[None]]
    ) -> RunResult:
        del say  # the real one needs it
        if self.error is not None:
            raise self.error
        directory = options.settings.directory
        assert directory is not None
        directory.mkdir(parents=True)
        recorder = Recorder(Journal(directory / JOURNAL), clock=self.clock, began=self.clock.now())
        recorder.record(_started())
        session: Any = SimpleNamespace(recorder=recorder)
        code, reason = self.verdict.exit_code, "as found"
        try:
            for experiment in plan.experiments:
                if experiment.role is Role.EXPERIMENT:
                    await before(session, experiment)
                    await self._one(recorder, experiment.name)
        except asyncio.CancelledError:
            code, reason = 130, "interrupted"
        except Stopped as stop:
            code, reason = 3, str(stop)
        self.stopping()
        await stopped_in(self.clock.sleep(STOP_S))
        recorder.record(RunEnded(t=recorder.now(), verdict=self.verdict, reason=reason, exit_code=code))
        return RunResult(verdict=self.verdict, exit_code=code, directory=directory, events=tuple(recorder.events))

    async def _one(self, recorder: Recorder, name: str) -> None:
        self.ran.append(name)
        recorder.record(
            ExperimentStarted(
                t=recorder.now(), name=name, hypothesis="", role="experiment", source="", injections=(), expectations={}
            )
        )
        self.meanwhile(name)
        if name == self.dies_at:
            raise KilledError
        await self.clock.sleep(60)
        found = Finding(
            check="c", part=Part.RESILIENCE, verdict=self.verdict, reason="seen", subject="s", experiment=name
        )
        recorder.record(FindingMade(t=recorder.now(), finding=found))
        recorder.record(ExperimentEnded(t=recorder.now(), name=name, verdict=self.verdict))
        if name == self.guard_at:
            raise Stopped(f"the guard of {name} stopped it")


async def stopped_in(work: Coroutine[Any, Any, None]) -> None:
    """It hears of nothing meanwhile, as the real one."""
    stopping = asyncio.ensure_future(work)
    while not stopping.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(stopping)


def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()


class KilledError(Exception):
    """Nothing more is done, as after SIGKILL."""


def _started() -> RunStarted:
    return RunStarted(
        run="r", system="tiny", wall=BEGINS.isoformat(), seed=1, command="", harness="", python="", tools={},
        owners={}, edges=(), journeys=(),
    )  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "chaos" / "experiments").mkdir(parents=True)
    (tmp_path / "chaos" / "gamedays").mkdir()
    for name in ("one", "two", "three"):
        text = EXPERIMENT.replace("NAME", name)
        (tmp_path / "chaos" / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "locustfile.py").write_text("", encoding="utf-8")
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return tmp_path


def read(project: Path, text: str = GAMEDAY) -> Declared:
    (project / "chaos" / "gamedays" / "day.yaml").write_text(text, encoding="utf-8")
    return declared(project / "system.yaml", "day", now=BEGINS)


def wish(project: Path, **changed: Any) -> Wish:
    return Wish(**{"directory": project / "days" / "1", "seed": 4, **changed})


def world(run: FakeRun, **changed: Any) -> World:
    async def nobody(_question: str) -> str:
        await asyncio.sleep(0)
        return ""

    made = World(clock=run.clock, say=lambda _line: None, ask=nobody, others=tuple, run=run)
    return replace(made, **changed)


async def conducted(project: Path, run: FakeRun, text: str = GAMEDAY, **changed: Any) -> GameDayResult:
    return await conduct_gameday(read(project, text), wish(project), world(run, **changed))


async def test_all_are_run_in_their_order_with_pauses_between_them(project: Path) -> None:
    run = FakeRun(clock=FakeClock())
    result = await conducted(project, run)
    assert run.ran == ["three", "one", "two"]
    assert run.clock.now() == pytest.approx(3 * 60 + 2 * 60 + STOP_S, abs=2)
    assert (result.verdict, result.exit_code, result.not_run) == (Verdict.PASS, 0, ())
    assert isinstance(read_diary(project / "days" / "1")[-1], Ended)
    assert not (project / LOCK).exists()


async def test_what_is_refuted_is_told_by_the_exit_code(project: Path) -> None:
    assert (await conducted(project, FakeRun(clock=FakeClock(), verdict=Verdict.FAIL))).exit_code == 1


async def test_outside_its_windows_nothing_is_started(project: Path) -> None:
    run = FakeRun(clock=FakeClock())
    run.clock.t = 3600.0
    with pytest.raises(Outside, match="outside the windows"):
        await conducted(project, run)
    assert run.ran == []
    assert not (project / "days").exists()


async def test_an_experiment_that_would_not_be_over_in_time_is_not_begun(project: Path) -> None:
    run = FakeRun(clock=FakeClock())
    run.clock.t = 3600 - 150.0
    result = await conducted(project, run)
    assert run.ran == ["three"]
    assert (result.exit_code, result.not_run) == (4, ("one", "two"))
    assert "one would not be over at 11:00: outside the windows" in result.reason


async def test_a_blackout_that_begins_stops_it_at_once(project: Path) -> None:
    run = FakeRun(clock=FakeClock())
    text = GAMEDAY + 'blackouts: [{weekly: {from: "10:02", to: "10:30"}, why: releases go out}]\n'
    # They say that they take 5 s, and take a minute: nobody can tell beforehand that it will not be over.
    for name in ("one", "two", "three"):
        file = project / "chaos" / "experiments" / f"{name}.yaml"
        file.write_text(EXPERIMENT.replace("NAME", name).replace("60s", "5s"), encoding="utf-8")
    result = await conducted(project, run, text.replace("pause: 60s", "pause: 50s"))
    assert run.ran == ["three", "one"]
    assert (result.exit_code, result.verdict, result.not_run) == (4, Verdict.UNKNOWN, ("two",))
    assert "the time for it is over: the blackout" in result.reason
    assert "cut short: one" in result.reason
    assert run.clock.now() == pytest.approx(120 + STOP_S, abs=2)


async def test_a_guard_that_trips_leaves_the_rest_undone(project: Path) -> None:
    result = await conducted(project, FakeRun(clock=FakeClock(), guard_at="one"))
    assert (result.exit_code, result.verdict, result.not_run) == (3, Verdict.UNKNOWN, ("two",))
    assert result.reason == "the guard of one stopped it; not run: two"


async def test_an_interruption_puts_all_right_and_leaves_the_rest_undone(project: Path) -> None:
    clock = FakeClock()
    run = FakeRun(clock=clock)
    working = asyncio.create_task(conducted(project, run))

    def interrupt(name: str) -> None:
        if name == "one":
            working.cancel()

    run.meanwhile = interrupt
    result = await working
    assert (result.exit_code, result.not_run) == (130, ("two",))
    assert "cut short: one" in result.reason
    assert not (project / LOCK).exists()


@pytest.mark.parametrize("guard_at", ["", "two"])
@pytest.mark.parametrize("by", ["a blackout", "Ctrl-C"])
async def test_one_that_is_over_and_only_stops_keeps_what_it_came_to(project: Path, by: str, guard_at: str) -> None:
    run = FakeRun(clock=FakeClock(), guard_at=guard_at)
    text = GAMEDAY.replace("pause: 60s", "pause: 0s")
    if by == "a blackout":
        text += 'blackouts: [{weekly: {from: "10:04", to: "10:30"}, why: releases go out}]\n'
    working = asyncio.create_task(conducted(project, run, text))
    if by == "Ctrl-C":
        run.stopping = lambda: cancelled(working)
    result = await working
    assert (result.exit_code, result.not_run) == ((3, ()) if guard_at else (0, ()))
    assert "healed and stopped" not in result.reason


async def test_where_nothing_can_be_written_down_nothing_is_run(project: Path) -> None:
    run = FakeRun(clock=FakeClock())
    with pytest.raises(JournalError, match="can't be written: Not a directory; choose another folder"):
        await conduct_gameday(read(project), wish(project, directory=project / "system.yaml" / "x"), world(run))
    assert run.ran == []
    assert not (project / LOCK).exists()


async def test_a_system_that_does_not_start_is_told_and_is_no_traceback(project: Path) -> None:
    heard: list[Notice] = []

    async def tell(notice: Notice) -> tuple[Told, ...]:
        await asyncio.sleep(0)
        heard.append(notice)
        return (Told(channel="ops", occasion=notice.occasion, why_not="it answered 503"),)

    result = await conducted(project, FakeRun(clock=FakeClock(), error=DeployError("port 7 is taken")), tell=tell)
    assert (result.exit_code, result.reason) == (2, "it could not be run: port 7 is taken")
    assert [(each.occasion.value, each.text) for each in heard][-1] == ("end", "it could not be run")
    told = "\n".join(tell_gameday(read_diary(project / "days" / "1"), ()))
    assert "ops was not told of the end: it answered 503" in told


async def test_one_that_was_killed_goes_on_at_the_next_experiment(project: Path) -> None:
    with pytest.raises(KilledError):
        await conducted(project, FakeRun(clock=FakeClock(), dies_at="one"))
    assert "It has not ended" in "\n".join(tell_gameday(read_diary(project / "days" / "1"), ()))
    again = FakeRun(clock=FakeClock())
    result = await conduct_gameday(read(project), wish(project, resume=True), world(again))
    assert again.ran == ["two"]
    assert (result.exit_code, result.verdict) == (2, Verdict.UNKNOWN)
    assert "cut short: one" in result.reason


async def test_what_was_cut_short_is_run_again_when_asked_for(project: Path) -> None:
    with pytest.raises(KilledError):
        await conducted(project, FakeRun(clock=FakeClock(), dies_at="one"))
    again = FakeRun(clock=FakeClock())
    result = await conduct_gameday(read(project), wish(project, resume=True, again=True), world(again))
    assert again.ran == ["one", "two"]
    assert (result.exit_code, result.not_run) == (0, ())


async def test_what_people_answered_beforehand_is_told_beside_what_came_of_it(project: Path) -> None:
    async def somebody(question: str) -> str:
        await asyncio.sleep(0)
        assert question == "one: What will you see?"
        return "nothing | at all"

    text = GAMEDAY.replace("one,", '{experiment: one, ask: "What will you see?"},')
    await conducted(project, FakeRun(clock=FakeClock()), text, ask=somebody)
    entries = read_diary(project / "days" / "1")
    assert [each.answer for each in entries if isinstance(each, Asked)] == ["nothing | at all"]
    told = "\n".join(tell_gameday(entries, events_of(project / "days" / "1", entries)))
    assert r"| one | PASS | What will you see? | nothing \| at all |" in told


async def test_who_else_is_at_it_and_a_command_that_says_no_keep_it_from_being_begun(project: Path) -> None:
    run = FakeRun(clock=FakeClock())
    text = GAMEDAY + 'preflight: {commands: [["true"], ["sh", "-c", "echo budget is gone; exit 7"], ["/no/such"]]}\n'
    with pytest.raises(NotReady) as refused:
        await conducted(project, run, text, others=lambda: ("x is up",))
    for said in ("somebody else is at it: x is up", "ended with 7: budget is gone", "/no/such can't be run"):
        assert said in str(refused.value)
    assert run.ran == []
    assert not (project / "days").exists()


async def test_a_budget_that_would_be_overdrawn_keeps_it_from_being_begun(project: Path) -> None:
    text = GAMEDAY + "preflight: {budget: {under_fault: 2min, over: 24h}}\n"
    with pytest.raises(NotReady, match="would be in force for 3 min, those of the last 1440 min were for 0 s"):
        await conducted(project, FakeRun(clock=FakeClock()), text)


def test_a_fault_counts_from_when_it_was_armed_until_it_was_healed_and_two_at_once_count_once() -> None:
    armed, healed = Armed(in_force=True, evidence="", took_s=0), Healed(
        verified=True, by=HealedBy.REMOVED, evidence="", took_s=0
    )  # fmt: skip

    def arm(t: float, which: str) -> InjectionArmed:
        return InjectionArmed(t=t, experiment="e", injection=which, what="", armed=armed)

    def heal(t: float, which: str) -> InjectionHealed:
        return InjectionHealed(t=t, experiment="e", injection=which, what="", healed=healed)

    assert under_fault_s([arm(1, "a"), arm(3, "b"), heal(5, "a"), heal(8, "b"), arm(20, "a"), heal(21, "a")]) == 8
    killed = ExperimentEnded(t=30, name="e", verdict=Verdict.PASS)
    assert under_fault_s([arm(20, "a"), killed]) == 10


def test_a_second_one_is_refused_and_a_dead_owner_holds_no_lock(tmp_path: Path) -> None:
    with locked(tmp_path, "day", tmp_path / "1"):
        found = owner(tmp_path)
        assert found is not None
        assert found.pid == os.getpid()
        with pytest.raises(Taken, match=f"by process {os.getpid()}, see .*/1; wait for it, or: harness gameday stop"):
            locked(tmp_path, "other", tmp_path / "2").__enter__()
    assert owner(tmp_path) is None
    began = procfs.started(os.getpid()) or 0
    reborn = Owner(gameday="day", directory="d", pid=os.getpid(), started=began - 1)
    (tmp_path / LOCK).write_text(reborn.model_dump_json(), encoding="utf-8")
    with locked(tmp_path, "day", tmp_path / "3"):
        assert owner(tmp_path) is not None


def test_a_line_that_was_cut_short_is_left_out_and_what_follows_stays_readable(tmp_path: Path) -> None:
    asked = Asked(wall="w", experiment="one", question="q")
    with pytest.raises(JournalError, match="name the folder of a game day"):
        read_diary(tmp_path)
    first = Diary(tmp_path)
    first.write(asked)
    first.close()
    with pytest.raises(JournalError, match="expected the beginning of a game day in its first line"):
        read_diary(tmp_path)
    with (tmp_path / DIARY).open("ab") as file:
        file.write(b'{"type":"asked","wal')
    second = Diary(tmp_path)
    second.write(asked)
    second.close()
    assert len((tmp_path / DIARY).read_text(encoding="utf-8").splitlines()) == 2


def test_placebos_are_no_experiments_of_a_game_day() -> None:
    placebo = ExperimentStarted(
        t=0, name="placebo", hypothesis="", role="placebo", source="", injections=(), expectations={}
    )
    assert done_in([[placebo]]).cut == ()

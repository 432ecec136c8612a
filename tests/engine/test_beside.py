"""Who has the processors while an experiment runs, and what that does to a verdict: with real neighbours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import checkers
from harness.checkers.company import FULL_S, crowded
from harness.clock import SystemClock, pause
from harness.engine.bench import Bench, Progress
from harness.engine.beside import ELSEWHERE, NO_LOOK, NOT_OURS, QUIET_S, QUIET_WITHIN_S, Beside
from harness.engine.recovering import close
from harness.engine.session import NEIGHBOURS, Session, neighbours_of
from harness.errors import DeployError
from harness.model.events import CompanySeen, Event, from_json, to_json
from harness.model.experiment import Expectation
from harness.model.finding import Finding
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import Window, WindowKind
from harness.model.system import RuntimeKind
from harness.model.topology import InstanceId
from harness.model.verdict import Verdict
from harness.observe.standing import Stood
from tests.checkers.histories import Each, experiment, history

HOG = """
import os, sys, time
if os.fork():
    os._exit(0)
os.nice(19)
sys.stdout.write(f"{os.getpid()}\\n")
sys.stdout.flush()
os.close(1)
end = time.monotonic() + 60
while time.monotonic() < end:
    pass
"""
"""Nobody's child, so that it is not below this process; it ends by itself, should nobody end it."""
LIMIT_S = 30.0


@dataclass
class FakeDeployment:
    """One container, whose first process has this id."""

    pid_: int = 0
    also_running: tuple[int, ...] = ()

    @property
    def instances(self) -> tuple[InstanceId, ...]:
        return (InstanceId(service="orders"),)

    def alive(self, instance: InstanceId) -> bool:
        return bool(instance)

    def pid(self, instance: InstanceId) -> int:
        assert instance.service == "orders"
        return self.pid_


@dataclass
class FakeSession:
    """What of a session is asked for: a clock, a runtime, a recorder."""

    runtime: RuntimeKind = RuntimeKind.PROCESS
    neighbours: Neighbours = Neighbours.DOUBT
    deployment: FakeDeployment = field(default_factory=FakeDeployment)
    events: list[Event] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def topology(self) -> SimpleNamespace:
        return SimpleNamespace(system=SimpleNamespace(runtime=self.runtime))

    @property
    def recorder(self) -> FakeSession:
        return self

    told: list[str] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)

    def tell(self, message: str) -> None:
        self.told.append(message)

    def now(self) -> float:
        return self.clock.now()


def watching(session: FakeSession) -> Beside:
    return Beside(cast("Session", session))


@contextmanager
def hogs() -> Iterator[None]:
    """As many neighbours as there are processors, each of which wants one whole."""
    pids: list[int] = []
    try:
        for _ in range(os.cpu_count() or 1):
            done = subprocess.run([sys.executable, "-S", "-c", HOG], stdout=subprocess.PIPE, check=True)
            pids.append(int(done.stdout))
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def crowded_company() -> Company:
    """What is seen in a little more than a second beside real neighbours."""
    beside, clock = watching(FakeSession()), SystemClock()
    with hogs():
        beside.begin()
        pause(1.2)
        limit = clock.now() + LIMIT_S
        while True:
            found = beside.until_now(WindowKind.FAULT)
            if crowded(found):
                return found
            assert clock.now() < limit, found
            pause(1.2)


@pytest.mark.loopback
def test_processors_that_have_nothing_left_are_seen() -> None:
    beside, clock = watching(FakeSession()), SystemClock()
    with hogs():
        limit = clock.now() + LIMIT_S
        full_s = 0.0
        while full_s < FULL_S:
            assert clock.now() < limit, full_s
            beside.begin()
            pause(FULL_S + 2.0)
            full_s = beside.until_now(WindowKind.FAULT).full_s


def isolation(company: Company, neighbours: Neighbours = Neighbours.DOUBT) -> Finding:
    """The verdict on a journey that was certainly slower, with this company."""
    question = experiment(expectations={"browse": Expectation.UNCHANGED})
    slow = replace(history(question, fault={"browse": Each(latency_s=0.4)}), company=(company,), neighbours=neighbours)
    return next(each for each in checkers.judge(slow) if (each.check, each.subject) == ("isolation", "browse"))


@pytest.mark.loopback
def test_beside_a_real_neighbour_it_is_unknown_what_alone_is_refuted() -> None:
    company = crowded_company()
    found = isolation(company)
    assert found.verdict is Verdict.UNKNOWN
    assert "it would be FAIL" in found.reason
    assert isolation(company, Neighbours.JUDGE).verdict is Verdict.FAIL
    assert isolation(replace(company, others=0.0)).verdict is Verdict.FAIL


@pytest.mark.parametrize("kind", [RuntimeKind.PROCESS, RuntimeKind.NAMESPACES])
def test_processes_that_were_started_here_are_known(kind: RuntimeKind) -> None:
    beside = watching(FakeSession(runtime=kind))
    beside.begin()
    assert beside.until_now(WindowKind.FAULT).unknown == ""


def test_of_a_system_that_ran_already_nobody_knows_whose_the_processes_are() -> None:
    beside = watching(FakeSession(runtime=RuntimeKind.ATTACH))
    beside.begin()
    assert beside.until_now(WindowKind.FAULT).unknown == NOT_OURS


@pytest.mark.parametrize(("pid", "why"), [(os.getpid(), ""), (0, ELSEWHERE), (2**22 + 1, ELSEWHERE)])
def test_containers_are_known_where_their_processes_are_of_this_machine(pid: int, why: str) -> None:
    beside = watching(FakeSession(runtime=RuntimeKind.COMPOSE, deployment=FakeDeployment(pid_=pid)))
    beside.begin()
    assert beside.until_now(WindowKind.FAULT).unknown == why


def test_what_is_done_about_processors_that_stood_still_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = SimpleNamespace(told="", seen=(Stood(),), left=())
    monkeypatch.setattr("harness.engine.beside.watch", lambda: watch)
    session = FakeSession()
    beside = watching(session)
    beside.begin()
    assert session.told == []
    watch.told = "they are kept awake"
    for _ in range(2):
        beside.until_now(WindowKind.FAULT)
    assert session.told == ["this machine's processors stood still; they are kept awake"]


def test_without_a_beginning_nothing_is_known() -> None:
    assert watching(FakeSession()).until_now(WindowKind.FAULT).unknown == NO_LOOK


def test_each_window_is_told_of_in_the_journal() -> None:
    session, progress = FakeSession(), Progress(windows=[])
    beside = watching(session)
    bench = cast("Bench", SimpleNamespace(session=session, beside=beside))
    beside.begin()
    for kind in (WindowKind.FAULT, WindowKind.RECOVERY):
        close(bench, experiment(), progress, Window(kind=kind, start=0.0, end=1.0))
    seen = [each for each in session.events if isinstance(each, CompanySeen)]
    assert [each.company.window for each in seen] == [WindowKind.FAULT, WindowKind.RECOVERY]
    assert tuple(progress.company) == tuple(each.company for each in seen)
    assert [from_json(to_json(each)) for each in seen] == seen
    assert seen[0].company.end == seen[1].company.start


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [({}, Neighbours.DOUBT), ({NEIGHBOURS: ""}, Neighbours.DOUBT), ({NEIGHBOURS: "judge"}, Neighbours.JUDGE)],
)
def test_the_environment_says_what_no_option_says(environ: dict[str, str], wanted: Neighbours) -> None:
    assert neighbours_of(environ) is wanted


def test_a_word_that_nobody_knows_is_refused() -> None:
    with pytest.raises(DeployError, match="expected doubt or judge in HARNESS_NEIGHBOURS, found 'ignore'"):
        neighbours_of({NEIGHBOURS: "ignore"})


def test_tests_judge_whoever_is_beside() -> None:
    assert neighbours_of(os.environ) is Neighbours.JUDGE


@dataclass
class FakeClock:
    """Time that passes when somebody waits."""

    t: float = 0.0

    def now(self) -> float:
        return self.t

    async def sleep(self, seconds: float) -> None:
        self.t += seconds


@pytest.mark.parametrize(
    ("busy_s", "waited_s"),
    [(0.0, QUIET_S), (12.0, 4 * QUIET_S), (1e6, QUIET_WITHIN_S)],
    ids=["quiet", "quiet after a while", "never quiet"],
)
async def test_who_asks_again_waits_until_it_is_quiet_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, busy_s: float, waited_s: float
) -> None:
    session: Any = FakeSession(clock=cast("SystemClock", FakeClock()))
    beside = watching(session)

    def seen(window: WindowKind) -> Company:
        now = session.now()
        stood = 0.9 if now - QUIET_S < busy_s else 0.0
        return Company(
            window=window, start=now - QUIET_S, end=now, cores=2, others=0.0, stolen=0.0, idle=0.5, stood=stood
        )

    monkeypatch.setattr(beside, "until_now", seen)
    await beside.quiet()
    assert session.now() == waited_s

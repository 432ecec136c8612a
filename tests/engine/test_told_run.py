"""A run that people are told of: what they are told, and that it depends on nobody of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.engine.concluding import RunResult
from harness.engine.prepare import Options, Plan
from harness.engine.told_run import run_told
from harness.errors import DeployError
from harness.model.events import RunEnded
from harness.model.notice import Notice, Occasion, Told
from harness.model.verdict import Verdict
from tests.engine.test_roll import SYSTEM

NOTIFY = """
notify:
  to:
    - name: operations
      webhook: {url: 'http://127.0.0.1:9/', secret: {env: HOOK_SECRET}}
"""


@dataclass(kw_only=True)
class People:
    """Who are told; they don't hear of what `deaf` says."""

    heard: list[Notice] = field(default_factory=list)
    deaf: str = ""
    busy: asyncio.Event | None = None

    async def tell(self, notice: Notice) -> tuple[Told, ...]:
        if self.busy is not None:
            await self.busy.wait()
        self.heard.append(notice)
        return (Told(channel="operations", occasion=notice.occasion, why_not=self.deaf),)


@dataclass(kw_only=True)
class Driven:
    """A run that ends as a test wants."""

    verdict: Verdict = Verdict.PASS
    exit_code: int = 0
    reason: str = "all 3 findings hold"
    error: BaseException | None = None
    meanwhile: Callable[[], None] = lambda: None
    runs: list[str] = field(default_factory=list)

    async def __call__(self, options: Options, *, say: object, plan: Plan) -> RunResult:
        del say, plan  # the real one needs them
        self.runs.append(options.settings.run)
        self.meanwhile()
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        end = RunEnded(t=1.0, verdict=self.verdict, reason=self.reason, exit_code=self.exit_code)
        return RunResult(verdict=self.verdict, exit_code=self.exit_code, directory=Path(), events=(end,))


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM + "content: {load: load.py}\n" + NOTIFY)
    (tmp_path / "load.py").write_text("")
    return tmp_path / "system.yaml"


async def told(system: Path, driven: Driven, people: People) -> tuple[RunResult, list[str]]:
    said: list[str] = []
    options = Options(system=system, parts=frozenset({"verify"}))
    result = await run_told(options, title="the run", say=said.append, tell=people.tell, drive=driven)
    return result, said


async def test_people_are_told_of_the_start_and_of_the_end_with_the_verdict(system: Path) -> None:
    people, driven = People(), Driven(verdict=Verdict.FAIL, exit_code=1, reason="browse: 12% were bad")
    result, said = await told(system, driven, people)

    start, end = people.heard
    assert (start.occasion, start.text) == (Occasion.START, "verify")
    assert (end.occasion, end.text, end.verdict, end.exit_code) == (
        Occasion.END,
        "browse: 12% were bad",
        Verdict.FAIL,
        1,
    )
    assert start.run == end.run == driven.runs[0] != ""
    assert result.exit_code == 1
    assert said == []


async def test_a_guard_that_stopped_it_is_told_before_its_end(system: Path) -> None:
    people = People()
    await told(system, Driven(verdict=Verdict.UNKNOWN, exit_code=3, reason="the file stop appeared"), people)

    assert [each.occasion for each in people.heard] == [Occasion.START, Occasion.GUARD, Occasion.END]
    assert people.heard[1].text == "the file stop appeared"


async def test_who_can_not_be_told_changes_nothing_but_is_named(system: Path) -> None:
    result, said = await told(system, Driven(), People(deaf="it answered 503"))

    assert (result.verdict, result.exit_code) == (Verdict.PASS, 0)
    assert said == [
        "notify: operations was not told of the start: it answered 503",
        "notify: operations was not told of the end: it answered 503",
    ]


async def test_the_run_waits_for_nobody_and_its_end_is_told_after_its_start(system: Path) -> None:
    people = People(busy=asyncio.Event())

    def meanwhile() -> None:
        assert people.heard == []
        assert people.busy is not None
        people.busy.set()

    await told(system, Driven(meanwhile=meanwhile), people)

    assert [each.occasion for each in people.heard] == [Occasion.START, Occasion.END]


async def test_a_run_that_could_not_be_is_told_without_what_a_log_may_hold(system: Path) -> None:
    people = People()
    with pytest.raises(DeployError):
        await told(system, Driven(error=DeployError("its log: password=hunter2")), people)

    end = people.heard[-1]
    assert (end.verdict, end.exit_code, end.text) == (Verdict.UNKNOWN, 2, "it could not be run")


async def test_a_run_that_is_interrupted_while_it_starts_is_told_too(system: Path) -> None:
    people = People()
    with pytest.raises(asyncio.CancelledError):
        await told(system, Driven(error=asyncio.CancelledError()), people)

    assert (people.heard[-1].exit_code, people.heard[-1].text) == (130, "interrupted while it was started")


def test_where_nobody_is_named_nobody_is_told(system: Path) -> None:
    system.write_text(system.read_text().replace(NOTIFY, ""))
    people = People()
    result, _ = asyncio.run(told(system, Driven(), people))

    assert people.heard == []
    assert result.exit_code == 0


async def test_who_interrupts_while_people_are_told_of_its_end_still_gets_what_it_came_to(system: Path) -> None:
    reached, said = asyncio.Event(), list[str]()

    async def tell(notice: Notice) -> tuple[Told, ...]:
        if notice.occasion is Occasion.END:
            reached.set()
            await asyncio.Event().wait()
        return ()

    options = Options(system=system, parts=frozenset({"verify"}))
    running = asyncio.create_task(run_told(options, title="the run", say=said.append, tell=tell, drive=Driven()))
    await reached.wait()
    running.cancel()
    result = await running

    assert (result.verdict, result.exit_code) == (Verdict.PASS, 0)
    assert said == ["notify: somebody was not told of the end: it was interrupted"]

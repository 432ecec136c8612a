"""What every run that loads a system shares: its generators, and what is told when a service dies of the load."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.engine.customers import load_plan
from harness.load.driver import LoadDriver, Told
from harness.model.events import RunStarted
from harness.model.finding import Finding, Part
from harness.model.system import Ability
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from harness.engine.load_plan import LoadRun
    from harness.engine.session import Session
    from harness.load.warm import WarmGenerator


async def start_generators(
    session: Session, run: LoadRun, *, told: Callable[[Told], None], warm: WarmGenerator | None = None
) -> LoadDriver:
    """One generator, or several that are driven as one; they end with the session.

    Raises:
        LoadError: if they can't be had.
        DeclarationError: if the system may not be loaded.
    """
    session.permit(Ability.LOAD)
    plan = load_plan(session.topology, hosts=session.deployment.entry_urls(), seed=session.seed, run=session.run)
    plan = replace(plan, pool=run.pool)
    recorder = session.recorder
    if run.fleet is None:
        driver = await LoadDriver.start(
            plan,
            spawner=warm if warm is not None and warm.waits else session.supervisor,
            directory=session.directory,
            clock=session.clock,
            run_began=recorder.began,
            on_observed=recorder.record,
        )
    else:
        from harness.load.fleet import start_fleet

        driver = await start_fleet(
            plan,
            run.fleet,
            spawner=session.supervisor,
            directory=session.directory,
            clock=session.clock,
            run_began=recorder.began,
            on_observed=recorder.record,
            on_told=told,
        )
    session.at_end(driver.stop)
    return driver


def crashes(session: Session) -> tuple[Finding, ...]:
    """A service that ended under the load, whoever has started it again since: no load is a reason to die."""
    replay = replay_of(session)
    return tuple(
        Finding(
            check="crash",
            part=Part.LOAD,
            verdict=Verdict.FAIL,
            reason=f"{each.instance.name} ended by itself under the load (it {each.how} at {each.t:.1f} s)",
            subject=each.instance.service,
            service=each.instance.service,
            owner=session.topology.owner(each.instance.service),
            evidence=tuple(each.log.splitlines()),
            replay=replay,
        )
        for each in session.deployment.take_deaths()
    )


def replay_of(session: Session) -> str:
    """The command of this run, with the seed that it drew."""
    command = next(each.command for each in session.recorder.events if isinstance(each, RunStarted))
    return command if "--seed" in shlex.split(command) else f"{command} --seed {session.seed}"

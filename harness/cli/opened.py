"""A system that was opened by `harness up`, whatever runs it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.standing import Row, Standing

if TYPE_CHECKING:
    from harness.engine.by_hand import ByHand
    from harness.engine.session import Session
    from harness.model.events import Event
    from harness.model.fault import FaultSpec
    from harness.runtime.deployment import Deployment

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A system that is up, and how it is closed."""

    run: str
    runtime: str
    directory: Path
    deployment: Deployment
    by_hand: ByHand
    close: Callable[[], Awaitable[None]]

    def standing(self) -> Standing:
        """What is to be told of it now."""
        from harness.runtime import procfs

        return Standing(
            run=self.run,
            system=self.deployment.topology.name,
            runtime=self.runtime,
            directory=self.directory,
            pid=os.getpid(),
            since=procfs.started(os.getpid()) or 0,
            entry=self.deployment.entry_url(),
            rows=self._rows(),
            faults=tuple(map(str, self.by_hand.in_force)),
        )

    def _rows(self) -> tuple[Row, ...]:
        topology, deployment = self.deployment.topology, self.deployment
        return tuple(
            Row(
                service=each.service,
                instance=each.name,
                zone=each.zone,
                state=deployment.state(each).value,
                address=deployment.direct_url(each),
                owner=topology.owner(each.service),
            )
            for each in deployment.instances
        )


async def open_as_processes(path: Path, directory: Path | None, *, tls: bool, say: Say) -> Opened:
    """As its description says; raises as `Session.open`."""
    from harness.engine.session import Session, Settings
    from harness.faults import fault_table

    faults = fault_table()
    return of_session(await Session.open(path, settings=Settings(directory=directory, tls=tls), say=say), faults)


def of_session(session: Session, faults: Mapping[str, type[FaultSpec]]) -> Opened:
    """A session that stands until it is told to end."""
    from harness.engine.by_hand import ByHand

    return Opened(
        run=session.run,
        runtime=session.topology.system.runtime.value,
        directory=session.directory,
        deployment=session.deployment,
        by_hand=ByHand(
            session.topology,
            session.injector,
            faults=faults,
            clock=session.clock,
            now=session.now,
            tell=session.recorder.record,
            proxies=session.deployment.mesh.put_right,
        ),
        close=session.close,
    )


async def open_in_docker(path: Path, directory: Path | None, *, tls: bool, say: Say) -> Opened:
    """In containers of this machine's engine.

    Raises:
        HarnessError: as `harness.runtime.docker.deployment.deploy`; also for TLS, which containers don't have yet.
    """
    from harness.clock import SystemClock
    from harness.declare import load_system
    from harness.engine.by_hand import ByHand
    from harness.engine.session import IN_FORCE, RUNS, make_directory, name_run
    from harness.errors import DeployError
    from harness.faults import Injector, fault_table
    from harness.runtime.docker.deployment import deploy

    if tls:
        message = "TLS between services is not offered in containers yet; leave --tls out, or --runtime docker"
        raise DeployError(message)
    topology = load_system(path)
    clock = SystemClock()
    place = (directory or RUNS / name_run(clock)).resolve()
    make_directory(place)

    def tell(event: Event) -> None:
        message = getattr(event, "message", None)
        if message:
            say(message)

    began, faults = clock.now(), fault_table()
    deployment = await deploy(topology, directory=place, clock=clock, run_began=began, progress=say, on_event=tell)
    injector = Injector(deployment.mesh, deployment, clock=clock, record=place / IN_FORCE)

    async def close() -> None:
        await injector.heal_all()
        await deployment.stop()

    return Opened(
        run=place.name,
        runtime="docker",
        directory=place,
        deployment=deployment,
        by_hand=ByHand(
            topology,
            injector,
            faults=faults,
            clock=clock,
            now=lambda: clock.now() - began,
            tell=lambda _event: None,
            proxies=deployment.mesh.put_right,
        ),
        close=close,
    )

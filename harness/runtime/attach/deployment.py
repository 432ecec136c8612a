"""A topology that runs already, behind proxies that are there already; all is left as it was found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from harness.clock import Clock
from harness.errors import HarnessError
from harness.model.events import Event
from harness.model.fault import InstanceTarget
from harness.model.process import Process
from harness.model.system import TCP_READY
from harness.model.topology import InstanceId, LineId, Topology
from harness.proxy.waiting import all_of
from harness.runtime.attach.held import Held
from harness.runtime.attach.lines import attach_lines
from harness.runtime.attach.means import Means, means_of
from harness.runtime.attach.places import Address, Places, attached
from harness.runtime.attach.undo import Undo
from harness.runtime.fleet import Fleet, store_lacks
from harness.runtime.instance import Instance, Launch, State
from harness.runtime.logs import LOGS
from harness.runtime.readiness import ask, why_closed
from harness.runtime.secret import Secrets
from harness.runtime.supervised import Granter

READY_WITHIN_S = 15.0
"""What runs already has begun long ago."""
NO_RELAY = "nothing counts what crosses the edges of a system that runs already: whether a fault was met is unknown"


async def deploy(  # noqa: PLR0913 -- agreed with the engine; each is a thing of its own
    topology: Topology,
    /,
    *,
    directory: Path,
    supervisor: Granter,
    toxiproxy: Path,
    clock: Clock,
    run_began: float,
    relay: bool = True,
    secrets: Secrets | None = None,
    progress: Callable[[str], None],
    on_event: Callable[[Event], None],
    ready_within_s: float = READY_WITHIN_S,
) -> AttachedDeployment:
    """See that everything is there and can serve; nothing is started.

    `supervisor`, `toxiproxy` and `relay` are of no use here: nothing of ours runs in such a system.

    Raises:
        DeclarationError: if an address makes no sense.
        DeployError: if an instance or a proxy is not there, or an instance is not ready in time.
    """
    del supervisor, toxiproxy, relay
    places = Places.of(topology)
    deployment = AttachedDeployment(
        topology,
        places=places,
        directory=directory,
        secrets=Secrets() if secrets is None else secrets,
        clock=clock,
        run_began=run_began,
        progress=progress,
        on_event=on_event,
    )
    try:
        await deployment.take_over(ready_within_s)
    except BaseException:
        await deployment.stop()
        raise
    return deployment


class AttachedDeployment(Fleet):
    """See `harness.runtime.deployment.Deployment`. Made by `deploy`."""

    def __init__(  # noqa: PLR0913 -- as `Fleet`, and where everything is
        self,
        topology: Topology,
        *,
        places: Places,
        directory: Path,
        secrets: Secrets,
        clock: Clock,
        run_began: float,
        progress: Callable[[str], None],
        on_event: Callable[[Event], None],
    ) -> None:
        super().__init__(
            topology, secrets=secrets, clock=clock, run_began=run_began, progress=progress, on_event=on_event
        )
        self._places = places
        self._directory = directory
        self._held: dict[str, Held] = {}
        self._changer = Undo()
        self._undo.push_async_callback(asyncio.to_thread, self._changer.close)
        self._add(self._all())

    def line_url(self, line: LineId) -> str:
        """See `Deployment`; of a line without a proxy, the provider's own."""
        target = InstanceTarget(service=line.provider.service, index=line.provider.index)
        for each in self.mesh.lines_to(target):
            if each.id == line:
                return f"http://{Address(host=each.plan.entry_host, port=each.plan.entry_port)}"
        return self.direct_url(line.provider)

    async def take_over(self, ready_within_s: float) -> None:
        """Look at all lines and instances; raises DeployError."""
        run = self._directory.name
        self.mesh = await attach_lines(
            self.topology, self._places, run=run, clock=self._clock, undo=self._changer, say=self._told
        )
        self._undo.push_async_callback(self._leave_lines)
        proxies = len(self._places.proxies)
        self._say(f"{proxies} of {len(self.topology.lines)} lines have a proxy")
        without = [each for each in self.topology.system.edges if not each.proxies]
        if without:
            named = ", ".join(edge.label for edge in without)
            self._told(f"edges without a proxy, on which nothing can be broken: {named}")
        self._told(NO_RELAY)
        self._undo.push_async_callback(self._let_go)
        self._undo.push_async_callback(self._put_back)
        self._undo.push_async_callback(self._restarts.stop)
        await all_of(self._begin(each, ready_within_s) for each in self._instances.values())

    async def _begin(self, instance: Instance, within_s: float) -> None:
        await instance.start(within_s=within_s)
        self._say(f"{instance.name} ready")

    async def _put_back(self) -> None:
        """Resume and start what we froze, killed and ended; what else is there stays as it is."""
        for instance in self._instances.values():
            try:
                if instance.state is State.PAUSED:
                    await instance.resume()
                elif instance.state in (State.KILLED, State.STOPPED):
                    await instance.start()
            except HarnessError as error:
                self._told(f"{instance.name} could not be brought back: {error}")

    async def _leave_lines(self) -> None:
        try:
            await self.mesh.stop()
        except HarnessError as error:
            self._told(f"not all of ours could be taken off the proxies: {error}")

    def _in_words(self, code: int) -> str:
        del code  # nobody knows it
        return "is gone"

    async def _let_go(self) -> None:
        for held in self._held.values():
            await held.let_go()

    def _told(self, text: str) -> None:
        self._progress(text)
        self._note(text)

    def _all(self) -> list[Instance]:
        return [
            Instance(
                id_,
                at.port,
                self._launch(id_, at),
                clock=self._clock,
                on_death=self._on_death,
                host=at.host,
            )
            for id_, at in self._places.instances.items()
        ]

    def _launch(self, id_: InstanceId, at: Address) -> Launch:
        log = self._directory / LOGS / f"{id_.name}.log"
        told = attached(self.topology, id_.service)
        means = means_of(id_, told, at, root=Path(self.topology.root), log=log)
        return Launch(start=self._starting(id_, means), lacking=self._lacking(id_, at), log=log, drains=True)

    def _starting(self, id_: InstanceId, means: Means) -> Callable[[], Awaitable[Process]]:
        async def start() -> Process:
            known = self._held.get(id_.name)
            if known is None:
                self._held[id_.name] = await Held.take(id_.name, means, undo=self._changer, clock=self._clock)
            else:
                await known.let_go()
                self._held[id_.name] = await Held.start(id_.name, means, undo=self._changer, clock=self._clock)
            return self._held[id_.name]

        return start

    def _lacking(self, id_: InstanceId, at: Address) -> Callable[[], Awaitable[str | None]]:
        if self.topology.is_store(id_.service):
            protocol = self.topology.store(id_.service).kind.value
            return lambda: store_lacks(protocol, at.host, at.port, self._clock)
        path = self.topology.service(id_.service).ready

        async def lacking() -> str | None:
            if path == TCP_READY:
                return await why_closed(at.port, host=at.host)
            answer = await ask(at.port, path, host=at.host)
            return None if answer.good else f"GET {path}: {answer}"

        return lacking

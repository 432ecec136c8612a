"""A topology that runs as the containers of a compose project, which stays as it is."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from pathlib import Path

import docker
from pydantic import JsonValue

from harness.clock import Clock
from harness.declare.starting.compose_file import Project, read_project
from harness.declare.system import DESCRIPTION
from harness.errors import DeclarationError, Place, Problem
from harness.model.events import Event
from harness.model.fault import InstanceTarget, Pressure, Resource
from harness.model.load_events import Observed
from harness.model.observation import CrossingSecond
from harness.model.process import Process
from harness.model.system import TCP_READY, Restart
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, LineId, Topology
from harness.proxy.mesh import Mesh
from harness.proxy.waiting import all_of
from harness.runtime.compose.checks import check
from harness.runtime.compose.command import Compose, find
from harness.runtime.compose.containers import Containers
from harness.runtime.compose.image import ProxyImage, make
from harness.runtime.compose.images import Images
from harness.runtime.compose.inside import FIRST, Inside
from harness.runtime.compose.plan import FIRST_CONTROL, Part, Plan, Room, names_in_project, plan
from harness.runtime.compose.weave import PROXY, ProxyService, Run, weave
from harness.runtime.docker.containers import Limits
from harness.runtime.docker.deployment import run_id
from harness.runtime.docker.engine import clear, connect, explained, labels_of
from harness.runtime.docker.network import make_network
from harness.runtime.docker.pressing import ContainerPresses
from harness.runtime.docker.reaper import Reaper
from harness.runtime.fleet import Fleet, store_lacks
from harness.runtime.instance import Instance, Launch
from harness.runtime.logs import LOGS
from harness.runtime.ports import LOOPBACK, PortPool
from harness.runtime.process import PROXIES
from harness.runtime.readiness import ask, why_closed
from harness.runtime.secret import Secrets
from harness.runtime.supervised import Granter

READY_WITHIN_S = 120.0
"""What each instance gets."""
FILES = "compose"
"""In a run's directory: what compose is given."""
DOOR_PREFIX = 29
LOOK_S = 0.1
LOG = "compose.log"


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
) -> ComposeDeployment:
    """Start all containers with the proxies between them, and return when all of it can serve.

    Raises:
        DeclarationError: if the project, or the description of it, makes no sense.
        ProvisionError: if there is no compose, or an image can't be had.
        DeployError: if no engine answers, a build fails, or a container dies or does not become ready.
        ProxyError: if the proxies can't be started.
    """
    file = Path(topology.root) / topology.system.compose
    project = await asyncio.to_thread(read_project, file, environ=os.environ)
    declared = names_in_project(topology)
    for each in check(project, declared.values()):
        progress(str(each))
    run = run_id(directory)
    compose = await find(run.lower(), file.resolve().parent)
    config = await compose.config(file)
    deployment = ComposeDeployment(
        topology,
        project=project,
        config=config,
        compose=compose,
        run=run,
        directory=directory,
        supervisor=supervisor,
        secrets=Secrets() if secrets is None else secrets,
        clock=clock,
        run_began=run_began,
        progress=progress,
        on_event=on_event,
    )
    try:
        await deployment.bring_up(toxiproxy, relay=relay, ready_within_s=ready_within_s)
    except BaseException:
        await deployment.stop()
        raise
    return deployment


class ComposeDeployment(Fleet):
    """See `harness.runtime.deployment.Deployment`; its instances can be limited too. Made by `deploy`."""

    _plan: Plan
    _containers: Containers

    def __init__(  # noqa: PLR0913 -- as `Fleet`, and the project
        self,
        topology: Topology,
        *,
        project: Project,
        config: dict[str, JsonValue],
        compose: Compose,
        run: str,
        directory: Path,
        supervisor: Granter,
        secrets: Secrets,
        clock: Clock,
        run_began: float,
        progress: Callable[[str], None],
        on_event: Callable[[Event], None],
    ) -> None:
        super().__init__(
            topology, secrets=secrets, clock=clock, run_began=run_began, progress=progress, on_event=on_event
        )
        self._project = project
        self._config = config
        self._compose = compose
        self._run = run
        self._directory = directory
        self._supervisor = supervisor
        self._taken: set[str] = set()
        """Names of instances that were taken over from compose."""
        self._pool = PortPool()
        self._undo.callback(self._pool.close)

    def line_url(self, line: LineId) -> str:
        """See `Deployment`."""
        at = next(each for each in self._plan.lines if each.line == line)
        host = LOOPBACK if line.consumer == CUSTOMERS_INSTANCE else at.entry_host
        return f"http://{host}:{at.entry_port}"

    async def limit(
        self, instance: InstanceTarget, *, cpus: float | None = None, memory_bytes: int | None = None
    ) -> None:
        """Limit what an instance may use, also after it is started again; raises DeployError."""
        await self._containers.limit(self._part(instance).name, Limits(cpus=cpus, memory_bytes=memory_bytes))

    async def unlimit(self, instance: InstanceTarget) -> None:
        """Let it use what the project says again."""
        await self._containers.limit(self._part(instance).name, None)

    async def press(self, instance: InstanceTarget, pressure: Pressure) -> str:
        """See `harness.model.fault.Pressable`."""
        name = self._part(instance).name
        return await self._limited.press(name, pressure, self._containers.found[name].limits)

    async def release(self, instance: InstanceTarget, resource: Resource) -> None:
        """See `harness.model.fault.Pressable`."""
        name = self._part(instance).name
        await self._limited.release(name, resource, self._containers.found[name].limits)

    @cached_property
    def _limited(self) -> ContainerPresses:
        return ContainerPresses(self._containers.limit, self._containers.used_bytes)

    async def bring_up(self, toxiproxy: Path, *, relay: bool, ready_within_s: float) -> None:
        """See `deploy`."""
        api = await asyncio.to_thread(connect)
        self._undo.callback(api.close)
        reaper = Reaper(self._run, self._directory)
        self._undo.push_async_callback(asyncio.to_thread, reaper.close)
        self._undo.push_async_callback(self._clear, api)
        (self._directory / FILES).mkdir(exist_ok=True)
        images = self._images(api)
        making = asyncio.create_task(asyncio.to_thread(make, toxiproxy))
        try:
            await self._have(images)
        finally:
            image = await making
        labels = labels_of(self._run, self.topology.name)
        with explained("making the run's networks"):
            network, room = await asyncio.to_thread(make_network, api, self._run, labels)
            door, way_in = await asyncio.to_thread(
                lambda: make_network(api, f"{self._run}-door", labels, internal=False, prefix=DOOR_PREFIX)
            )
        self._plan = plan(
            self.topology,
            self._project,
            images.exposed,
            Room(network=room, door=way_in, take_port=self._pool.take),
        )
        file = self._weave(image, Run(network=network, door=door, labels=labels, images=images.built))
        self._containers = Containers(api, self._run, clock=self._clock)
        await self._start_proxies(api, file, image, relay=relay)
        await self._start_all(file, ready_within_s)

    @property
    def also_running(self) -> tuple[int, ...]:
        """See `Deployment`: the proxies' container, and what is in no edge of the description."""
        mine = {part.name for part in self._plan.parts.values()}
        return tuple(each.pid for name, each in self._containers.found.items() if name not in mine and each.pid)

    async def _start_proxies(self, api: docker.APIClient, file: Path, image: ProxyImage, *, relay: bool) -> None:
        await self._up(file, [PROXY])
        await self._containers.look()
        inside = Inside(
            api,
            self._containers.found[PROXY].id,
            python=image.python,
            directory=self._directory / PROXIES,
        )
        self._undo.push_async_callback(inside.close)
        controls = iter(range(FIRST_CONTROL, FIRST_CONTROL + len(self._plan.lines)))
        self.mesh = await Mesh.start(
            self._plan.lines,
            binary=Path("toxiproxy-server"),
            spawner=inside,
            directory=self._directory / PROXIES,
            control_ports=lambda: next(controls),
            clock=self._clock,
            run_began=self._run_began,
            relay=relay,
            host=self._plan.proxy,
            on_crossing=self._on_crossing,
        )
        self._undo.push_async_callback(self.mesh.stop)
        self._undo.callback(inside.let_go)
        self._say(f"{len(self._plan.lines)} proxied lines listen")

    async def _start_all(self, file: Path, ready_within_s: float) -> None:
        mine = [part.name for part in self._plan.parts.values()]
        others = [name for name in self._others() if name not in mine]
        if others:
            self._progress(f"in no edge of the description, and started all the same: {', '.join(others)}")
        await self._up(file, [*mine, *others])
        await self._containers.look()
        self._add(self._instance_of(part) for part in self._plan.parts.values())
        self._undo.push_async_callback(self._restarts.stop)
        await all_of(self._begin(each, ready_within_s) for each in self._instances.values())

    async def _begin(self, instance: Instance, within_s: float) -> None:
        await instance.start(within_s=within_s)
        self._say(f"{instance.name} ready")

    async def _up(self, file: Path, names: list[str]) -> None:
        log = self._directory / LOGS / LOG
        what = ["up", "-d", "--no-build", *(["--no-deps"] if names == [PROXY] else []), *names]
        await self._compose.run(file, what, spawner=self._supervisor, log=log)

    async def _clear(self, api: docker.APIClient) -> None:
        with explained(f"removing what belongs to {self._run}"):
            await asyncio.to_thread(clear, api, self._run)

    def _images(self, api: docker.APIClient) -> Images:
        declared = set(names_in_project(self.topology).values())
        services = self._services()
        wanted = {name: each for name, each in services.items() if name in declared or not each.get("profiles")}
        return Images(api, self._project, wanted, prefix=f"harness/{self.topology.name}", say=self._say)

    async def _have(self, images: Images) -> None:
        if images.built:
            file = self._write("build", {"version": self._config.get("version", "3.8"), "services": images.to_build()})
            self._say(f"building {', '.join(images.built)}")
            what = ["build", "--force-rm", *images.built]  # of a step that fails, no container stays
            log = self._directory / LOGS / LOG
            await self._compose.run(file, what, spawner=self._supervisor, log=log)
        await asyncio.to_thread(images.pull)

    def _others(self) -> list[str]:
        """The services that the description doesn't name, and that compose starts without being asked."""
        named = set(names_in_project(self.topology).values())
        return [name for name, service in self._services().items() if name not in named and not service.get("profiles")]

    def _services(self) -> dict[str, dict[str, JsonValue]]:
        services = self._config.get("services")
        found = services if isinstance(services, dict) else {}
        return {name: each for name, each in found.items() if isinstance(each, dict)}

    def _weave(self, image: ProxyImage, run: Run) -> Path:
        shared = self._directory / PROXIES
        shared.mkdir(exist_ok=True)
        command = (image.python, "-u", "-c", FIRST.replace("$", "$$"), self._plan.proxy, *self._plan.aliases)
        proxy = ProxyService(image=image.tag, command=command, shared=str(shared))
        missing = [part.of for part in self._plan.parts.values() if part.of not in self._services()]
        if missing:
            place = Place(file=str(Path(self.topology.root) / DESCRIPTION))
            message = f"compose leaves out {', '.join(missing)}"
            raise DeclarationError([Problem(place=place, message=message, remedy="see `docker compose config`")])
        return self._write("docker-compose", weave(self._config, self._plan, proxy, run))

    def _write(self, name: str, content: Mapping[str, object]) -> Path:
        """For compose, which reads JSON too; only we may read it, since it may hold what is secret in the project."""
        file = self._directory / FILES / f"{name}.yml"
        file.touch(mode=0o600)
        file.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return file

    def _on_crossing(self, crossing: CrossingSecond) -> None:
        self._on_event(Observed(crossings=(crossing,)))

    def _part(self, instance: InstanceId | InstanceTarget) -> Part:
        return self._plan.parts[self._instance(instance).id]

    def _revives(self, service: str) -> bool:
        """Where the description says so, or else where the project does."""
        services = self.topology.system.services
        if service in services and services[service].restart is Restart.ALWAYS:
            return True
        first = self._plan.parts[self.topology.instances_of(service)[0]]
        return self._containers.found[first.name].revives

    def _instance_of(self, part: Part) -> Instance:
        log = self._directory / LOGS / f"{part.id.name}.log"
        lacking = self._lacking(part)
        launch = Launch(start=self._starting(part, log, lacking), lacking=lacking, log=log, drains=True)
        return Instance(part.id, part.port, launch, clock=self._clock, on_death=self._on_death, host=part.address)

    def _starting(
        self, part: Part, log: Path, lacking: Callable[[], Awaitable[str | None]]
    ) -> Callable[[], Awaitable[Process]]:
        async def start() -> Process:
            if part.id.name in self._taken:
                return await self._containers.start(part.name, log)
            deadline = self._clock.now() + READY_WITHIN_S
            while self._containers.found[part.name].revives and self._clock.now() < deadline:
                # Compose starts it again until its own providers are there; only then is a death news.
                if await self._containers.status(part.name) == "running" and await lacking() is None:
                    break
                await self._clock.sleep(LOOK_S)
            self._taken.add(part.id.name)
            return await self._containers.hold(part.name, log)

        return start

    def _lacking(self, part: Part) -> Callable[[], Awaitable[str | None]]:
        name = part.id.service
        is_store = self.topology.is_store(name)
        told = (
            None
            if is_store or "ready" not in self.topology.service(name).model_fields_set
            else (self.topology.service(name).ready)
        )

        async def lacking() -> str | None:
            if told is None and self._containers.found[part.name].health:
                return await self._containers.unwell(part.name)
            if is_store:
                protocol = self.topology.store(name).kind.value
                return await store_lacks(protocol, part.address, part.port, self._clock)
            if told is None or told == TCP_READY:
                return await why_closed(part.port, host=part.address)
            answer = await ask(part.port, told, host=part.address)
            return None if answer.good else f"GET {told}: {answer}"

        return lacking

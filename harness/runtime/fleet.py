"""What every deployment does with its instances, whatever they are and wherever they run."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack

from harness.clock import Clock
from harness.errors import DeployError, HarnessError
from harness.model.credentials import Credentials
from harness.model.events import Event
from harness.model.fault import InstanceTarget
from harness.model.load_events import Noted
from harness.model.system import Restart
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, LineId, Topology
from harness.proxy.mesh import Mesh
from harness.proxy.probe import TALKS, Outcome, Question, probe
from harness.runtime.addresses import fill, names
from harness.runtime.crashing import Crashes
from harness.runtime.instance import Death, Instance, State, ended_in_words
from harness.runtime.logs import last_lines
from harness.runtime.probing import PROBE_DEADLINE_S
from harness.runtime.readiness import why_closed
from harness.runtime.restarts import Restarts
from harness.runtime.rolling import Rolls
from harness.runtime.secret import Secrets
from harness.runtime.turnover import Turnover

DEATHS_KEPT = 200
"""The latest, while nobody takes them."""

_SECRET = "secret."  # noqa: S105 -- what a placeholder begins with


class Fleet:
    """The part of a `Deployment` that all runtimes share; each says how its instances came to be.

    Args:
        topology: the system.
        secrets: those of the run.
        clock: what time it is.
        run_began: the clock's time at the run's t = 0.
        progress: told what happens, a line at a time.
        on_event: told of crossings and of unexpected deaths.
    """

    mesh: Mesh

    def __init__(  # noqa: PLR0913 -- what `deploy` was given
        self,
        topology: Topology,
        *,
        secrets: Secrets,
        clock: Clock,
        run_began: float,
        progress: Callable[[str], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self.topology = topology
        self._secrets = secrets
        self._clock = clock
        self._run_began = run_began
        self._began = clock.now()
        self._progress = progress
        self._on_event = on_event
        self._instances: dict[str, Instance] = {}
        self._deaths: deque[Death] = deque(maxlen=DEATHS_KEPT)
        self._turnover = Turnover(lambda: self.mesh, clock=clock)
        self._restarts = Restarts(self._turnover.start, clock=clock, note=self._note)
        self._crashes = Crashes(self._fell, self._turnover.start, clock=clock, note=self._note)
        self._rolling: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Held while instances of a service are taken out one after another, or added or removed."""
        self._rolls = Rolls(self._change, self._running, turn=self._rolling, clock=clock, note=self._note)
        self._undo = AsyncExitStack()

    @property
    def credentials(self) -> Credentials:
        """See `Deployment`."""
        headers = self.topology.system.access.headers
        used = {name for text in headers.values() for name in names(text)}
        values = {name: self._secrets.of(name.removeprefix(_SECRET)) for name in used if name.startswith(_SECRET)}
        filled = {header: fill(text, values) for header, text in headers.items()}
        return Credentials(headers=filled, secrets=self._secrets.drawn, redact=self._secrets.redact)

    @property
    def instances(self) -> tuple[InstanceId, ...]:
        """See `Deployment`."""
        return tuple(instance.id for instance in self._instances.values())

    def entry_url(self) -> str:
        """See `Deployment`."""
        return self.entry_urls()[0]

    def entry_urls(self) -> tuple[str, ...]:
        """See `Deployment`."""
        entries = self.topology.instances_of(self.topology.system.entry)
        return tuple(self.line_url(LineId(consumer=CUSTOMERS_INSTANCE, provider=each)) for each in entries)

    def line_url(self, line: LineId) -> str:
        """See `Deployment`; where nothing stands on the line, it is the provider's."""
        raise NotImplementedError

    def service_url(self, service: str) -> str:
        """See `Deployment`."""
        return self.direct_url(InstanceTarget(service=service))

    def direct_url(self, instance: InstanceId | InstanceTarget) -> str:
        """See `Deployment`."""
        known = self._instance(instance)
        return f"http://{known.host}:{known.port}"

    def store_address(self, store: str, service: str) -> str:
        """See `Deployment`; without a name and a password, which only the system's own services know."""
        del service
        known = self._instance(InstanceTarget(service=store))
        return f"{self.topology.store(store).kind.value}://{known.host}:{known.port}"

    def state(self, instance: InstanceId | InstanceTarget) -> State:
        """See `Deployment`."""
        return self._instance(instance).state

    def alive(self, instance: InstanceId | InstanceTarget) -> bool:
        """See `Deployment`."""
        return self._instance(instance).alive

    def pid(self, instance: InstanceId | InstanceTarget) -> int:
        """See `Deployment`."""
        return self._instance(instance).pid

    @property
    def also_running(self) -> tuple[int, ...]:
        """See `Deployment`."""
        return ()

    def log_tail(self, instance: InstanceId | InstanceTarget) -> str:
        """See `Deployment`."""
        return last_lines(self._instance(instance).log)

    def take_deaths(self) -> tuple[Death, ...]:
        """See `Deployment`."""
        deaths = tuple(self._deaths)
        self._deaths.clear()
        return deaths

    async def ready(self, instance: InstanceId | InstanceTarget) -> bool:
        """See `Deployment`."""
        return await self._instance(instance).ready()

    async def kill(self, instance: InstanceTarget) -> None:
        """See `Deployment`."""
        known = self._instance(instance)
        await self._restarts.call_off(known)
        await known.kill()
        await self.mesh.hide(known.id)
        self._restart(known)

    async def start(self, instance: InstanceTarget) -> None:
        """See `Deployment`."""
        known = self._instance(instance)
        await self._restarts.call_off(known)
        async with self._crashes.turn(known):
            await self._start_again(known)

    async def retire(self, instance: InstanceTarget) -> None:
        """See `Deployment`."""
        known = self._instance(instance)
        await self._restarts.call_off(known)
        await self._turnover.retire(known)

    async def restart(self, instance: InstanceTarget) -> None:
        """See `Deployment`."""
        await self.retire(instance)
        await self._start_again(self._instance(instance))

    async def begin_crashing(self, instance: InstanceTarget, *, away_s: float, up_s: float, most: int) -> None:
        """See `Crashable`."""
        known = self._instance(instance)
        await self._restarts.call_off(known)
        await self._crashes.begin(known, away_s=away_s, up_s=up_s, most=most)

    async def end_crashing(self, instance: InstanceTarget) -> int:
        """See `Crashable`."""
        return await self._crashes.end(self._instance(instance))

    async def roll(self, service: str) -> None:
        """See `Deployment`."""
        self._instance(InstanceTarget(service=service))
        async with self._rolling[service]:
            for known in self._running(service):
                await self.restart(InstanceTarget(service=service, index=known.id.index))

    def begin_rolling(self, service: str, *, to: str, back: bool, over_s: float) -> None:
        """See `Rollable`."""
        self._instance(InstanceTarget(service=service))
        self._check_version(service, to)
        self._rolls.begin(service, to=to, back=back, over_s=over_s)

    async def end_rolling(self, service: str) -> None:
        """See `Rollable`."""
        await self._rolls.end(service)

    async def pause(self, instance: InstanceTarget) -> None:
        """See `Deployment`."""
        await self._restarts.settle(self._instance(instance))
        await self._instance(instance).pause()

    async def resume(self, instance: InstanceTarget) -> None:
        """See `Deployment`."""
        await self._instance(instance).resume()

    async def stop(self) -> None:
        """See `Deployment`."""
        await self._crashes.stop()
        await self._rolls.stop()
        await self._undo.aclose()

    def _running(self, service: str) -> list[Instance]:
        return [each for each in self._instances.values() if each.id.service == service and each.alive]

    def _check_version(self, service: str, version: str) -> None:
        """Raise DeployError when no instance of the service can be started as that version."""
        if version:
            raise DeployError(
                f"{service} can't be started as {version}: its version is told only to what runs as processes; "
                "restart it instead"
            )

    def _equip(self, instance: Instance, version: str) -> None:
        """From its next start on it is that version."""

    async def _change(self, instance: Instance, version: str) -> None:
        target = InstanceTarget(service=instance.id.service, index=instance.id.index)
        if instance.alive:
            await self.retire(target)
        self._equip(instance, version)
        await self._start_again(instance)

    async def _fell(self, known: Instance) -> None:
        """Kill it, and let nobody but the caller start it again."""
        await known.kill()
        await self.mesh.hide(known.id)

    def _add(self, instances: Iterable[Instance]) -> None:
        self._instances |= {instance.name: instance for instance in instances}

    def _revives(self, service: str) -> bool:
        """Whether an instance that has died is to be started again."""
        services = self.topology.system.services
        return service in services and services[service].restart is Restart.ALWAYS

    async def _start_again(self, known: Instance) -> None:
        try:
            await self._turnover.start(known)
        except DeployError:
            self._restart(known)
            raise

    def _restart(self, instance: Instance) -> None:
        if self._revives(instance.id.service):
            self._restarts.begin(instance)

    async def _on_death(self, instance: Instance, code: int) -> None:
        how, log = self._in_words(code), last_lines(instance.log)
        self._deaths.append(Death(instance=instance.id, t=self._clock.now() - self._run_began, how=how, log=log))
        self._note(f"{instance.name} {how} unexpectedly; last lines of {instance.log}:\n{log}")
        try:
            await self.mesh.hide(instance.id)
        except HarnessError as error:
            self._note(f"the lines to {instance.name}, which is dead, could not be made to refuse: {error}")
        self._restart(instance)

    def _in_words(self, code: int) -> str:
        return ended_in_words(code)

    def _instance(self, wanted: InstanceId | InstanceTarget) -> Instance:
        name = wanted.name if isinstance(wanted, InstanceId) else str(wanted)
        if name not in self._instances:
            known = ", ".join(self._instances)
            raise DeployError(f"expected an instance of {self.topology.name}, found {name!r}; there are: {known}")
        return self._instances[name]

    def _say(self, text: str) -> None:
        self._progress(f"{text} ({self._clock.now() - self._began:.1f} s)")

    def _note(self, message: str) -> None:
        self._on_event(Noted(t=self._clock.now() - self._run_began, message=message))


async def store_lacks(protocol: str, host: str, port: int, clock: Clock) -> str | None:
    """What a store answers instead of what it should; None when it serves."""
    if protocol not in TALKS:
        return await why_closed(port, host=host)
    seen = await probe(port, protocol, Question(within_s=PROBE_DEADLINE_S), clock=clock, host=host)
    return None if seen.outcome is Outcome.ANSWERED else str(seen)

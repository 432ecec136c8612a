"""A system that is up, with what acts on it and what watches it; closed, nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness import __version__
from harness.clock import Clock, RunClock
from harness.declare import load_system, with_tls
from harness.engine.customers import load_plan
from harness.engine.permission import ability_for, permit
from harness.engine.recorder import Recorder
from harness.errors import DeployError
from harness.load.driver import LoadDriver
from harness.model.credentials import Credentials
from harness.model.events import EdgeFact, Event, JourneyFact, RunStarted
from harness.model.fault import Injection
from harness.model.load_events import Observed
from harness.model.marks import RUN, run_marks
from harness.model.neighbours import Neighbours
from harness.model.system import Ability, RuntimeKind
from harness.model.topology import Topology
from harness.observe.journal import JOURNAL, Journal
from harness.runtime.addresses import asks_for_spans
from harness.runtime.secret import Secrets
from harness.runtime.supervisor_client import Supervisor
from harness.runtime.table import WITHOUT_TOXIPROXY, Later, runtime_of

if TYPE_CHECKING:
    from harness.faults.injector import Injector
    from harness.observe.otlp import OtlpReceiver
    from harness.runtime.deployment import Deployment

RUNS = Path(".harness") / "runs"
IN_FORCE = "in-force.ndjson"
NEIGHBOURS = "HARNESS_NEIGHBOURS"
"""The variable that says what `Settings.neighbours` leaves open."""
TAKES_SPANS = frozenset({RuntimeKind.PROCESS, RuntimeKind.ATTACH})
"""Where services reach 127.0.0.1 of this machine; elsewhere there are no spans, and that is said."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a session is opened."""

    directory: Path | None = None
    """Where the run's files go; by default a new one under `.harness/runs/`."""
    run: str = ""
    """The run's name; drawn when left out."""
    seed: int | None = None
    """Of all chance in the run; drawn and told when not given."""
    relay: bool = True
    """Whether the counting relay stands on every edge."""
    tls: bool = False
    """Whether the services that can speak TLS do."""
    spans: bool = True
    """Whether spans are taken, where the description says that services send them."""
    neighbours: Neighbours | None = None
    """What becomes of a FAIL that is about time when others had the processors; left out, the environment says it."""


class Session:
    """One deployment of one system, from `open` to `close`."""

    def __init__(self, topology: Topology, *, directory: Path, seed: int, recorder: Recorder, say: Say) -> None:
        self.topology = topology
        self.run = ""
        """The run's name, from its start on."""
        self.directory = directory
        self.seed = seed
        self.clock: Clock = recorder.clock
        self.recorder = recorder
        self.say = say
        self._settable: RunClock
        self.neighbours = Neighbours.DOUBT
        self.supervisor: Supervisor
        self.deployment: Deployment
        self._cut_off = asks_for_spans(topology) and topology.system.runtime not in TAKES_SPANS
        self.spans: OtlpReceiver | None = None
        """Who takes the services' spans; None where the description asks for nobody."""
        self._driver: LoadDriver | None = None
        self._permitted: set[Ability] = set()
        self._stack = AsyncExitStack()

    @classmethod
    async def open(
        cls,
        system: Path | Topology,
        *,
        settings: Settings | None = None,
        say: Say,
        listen: Callable[[Event], None] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Bring a system up with a Toxiproxy on every edge.

        Raises:
            DeclarationError: before anything is started, if the description is wrong.
            HarnessError: likewise, if it is deployed by what is not installed.
            ProvisionError: if Toxiproxy or a store can't be had.
            DeployError: if a port is taken, or a service dies or never becomes ready; everything is stopped again.
        """
        settings = settings or Settings()
        topology = system if isinstance(system, Topology) else load_system(system)
        topology = with_tls(topology) if settings.tls else topology
        neighbours = settings.neighbours or neighbours_of(environ)
        clock = RunClock()
        began, wall = clock.now(), clock.wall()
        run = settings.run or name_run(clock)
        directory = (settings.directory or RUNS / run).resolve()
        seed = settings.seed if settings.seed is not None else secrets.randbelow(2**31)
        runtime_of(topology.system)  # what is not there is refused before anything is made
        toxiproxy, tools = _toxiproxy(topology, environ, say)
        make_directory(directory)
        secrets_ = Secrets()
        journal = Journal(directory / JOURNAL, redact=secrets_.redact)
        recorder = Recorder(journal, clock=clock, began=began)
        if listen is not None:
            recorder.listen(listen)
        session = cls(topology, directory=directory, seed=seed, recorder=recorder, say=say)
        session._settable = clock
        session.run = run
        session.neighbours = neighbours
        RUN.set(run)
        recorder.record(_started(topology, run, wall.isoformat(), seed, tools))
        async with AsyncExitStack() as stack:
            if settings.spans and asks_for_spans(topology) and not session._cut_off:
                await session._take_spans(stack, zero_ns=int(wall.timestamp() * 1e9))
            await session._bring_up(stack, toxiproxy, secrets_, relay=settings.relay)
            session._stack = stack.pop_all()
        return session

    async def _take_spans(self, stack: AsyncExitStack, *, zero_ns: int) -> None:
        from harness.observe.otlp import OtlpReceiver

        declared = self.topology.system.otlp
        self.spans = await OtlpReceiver.start(zero_ns=zero_ns, port=declared.port if declared else None)
        stack.push_async_callback(self.spans.stop)
        self.topology = replace(self.topology, otlp_url=self.spans.url)
        room = self.spans.room
        self.recorder.listen(
            lambda event: room.keep(each.trace for each in event.traces) if isinstance(event, Observed) else None
        )

    async def _bring_up(self, stack: AsyncExitStack, toxiproxy: Path, secrets_: Secrets, *, relay: bool) -> None:
        deploy = runtime_of(self.topology.system)
        # Imported while the supervisor starts, which nobody needs a processor to wait for.
        loading = asyncio.create_task(asyncio.to_thread(deploy.load)) if isinstance(deploy, Later) else None
        self.supervisor = await Supervisor.start(self.directory)
        stack.push_async_callback(self.supervisor.close)
        if loading is not None:
            deploy = await loading
        self.deployment = await deploy(
            self.topology,
            directory=self.directory,
            supervisor=self.supervisor,
            toxiproxy=toxiproxy,
            clock=self.clock,
            run_began=self.recorder.began,
            relay=relay,
            secrets=secrets_,
            progress=self.say,
            on_event=self.recorder.record,
        )
        stack.push_async_callback(self.deployment.stop)
        stack.push_async_callback(self._heal)

    @cached_property
    def injector(self) -> Injector:
        """Puts faults in force and heals them; made when first asked for."""
        from harness.faults.injector import Injector

        return Injector(
            self.deployment.mesh,
            self.deployment,
            clock=self.clock,
            record=self.directory / IN_FORCE,
            permitted=self._let,
        )

    @property
    def unhealed(self) -> tuple[str, ...]:
        """What is in force, or was not seen to be healed."""
        return tuple(each.describe() for each in self.injector.in_force) if "injector" in vars(self) else ()

    async def _heal(self) -> None:
        if "injector" in vars(self):
            await self.injector.heal_all()

    def permit(self, ability: Ability) -> None:
        """Prove that this may be done to the system: the last gate before it is, whatever was asked before.

        Raises:
            DeclarationError: as `harness.engine.permission.permit`.
        """
        if ability not in self._permitted:
            permit(self.topology, [ability])
            self._permitted.add(ability)

    def _let(self, injection: Injection) -> None:
        """Raise HarnessError for what may not, or can't, be done to this system."""
        from harness.engine.feasible import refuse_infeasible

        self.permit(ability_for(injection))
        refuse_infeasible(self.topology, injection)

    def now(self) -> float:
        """Seconds since the run began."""
        return self.recorder.now()

    def tell(self, message: str) -> None:
        """Write down what a reader will want to know, and say it."""
        self.recorder.note(message)
        self.say(message)

    def advance_to(self, t: float) -> float:
        """Set the run's clock forward, where nothing has begun that goes by it; gives CLOCK_MONOTONIC at its t = 0."""
        self._settable.set_forward(max(t - self.now(), 0.0))
        return self.recorder.began - self._settable.ahead_s

    @property
    def credentials(self) -> Credentials:
        """What is sent along to a service that is asked directly, the marks of this run among it."""
        return replace(self.deployment.credentials, marks=run_marks(self.run))

    @property
    def observed(self) -> list[Observed]:
        """Everything observed so far."""
        return [event for event in self.recorder.events if isinstance(event, Observed)]

    def content(self, which: str) -> Path:
        """The path of a content folder or file: `contracts`, `chaos` or `load`."""
        path: str = getattr(self.topology.system.content, which)
        return (Path(self.topology.root) / path).resolve()

    async def driver(self) -> LoadDriver:
        """The load generator, started when first asked for; raises LoadError when it can't be."""
        if self._driver is None:
            self.permit(Ability.LOAD)
            plan = load_plan(self.topology, hosts=self.deployment.entry_urls(), seed=self.seed, run=self.run)
            self._driver = await LoadDriver.start(
                plan,
                spawner=self.supervisor,
                directory=self.directory,
                clock=self.clock,
                run_began=self.recorder.began,
                on_observed=self.recorder.record,
            )
            self._stack.push_async_callback(self._driver.stop)
        return self._driver

    def at_end(self, close: Callable[[], Awaitable[None]]) -> None:
        """Close something when the session ends, before what it stands on."""
        self._stack.push_async_callback(close)

    async def stop(self) -> None:
        """Heal, stop and remove everything; safe to call twice. The journal stays open for the conclusion."""
        await self._stack.aclose()
        if self._cut_off:
            self._cut_off = False
            runtime = self.topology.system.runtime
            self.recorder.note(f"no spans: services of the runtime '{runtime}' can't reach the harness")
        if self.spans is not None:
            from harness.observe.span_room import told_of

            self.recorder.note(*told_of(self.spans.room, self.topology))
            self.spans = None

    async def close(self) -> None:
        """Stop, and close the journal."""
        await self.stop()
        self.recorder.close()


def neighbours_of(environ: Mapping[str, str]) -> Neighbours:
    """What is to become of a FAIL when others had the processors, where no option says it; raises DeployError."""
    said = environ.get(NEIGHBOURS) or Neighbours.DOUBT
    try:
        return Neighbours(said)
    except ValueError:
        wanted = " or ".join(Neighbours)
        raise DeployError(f"expected {wanted} in {NEIGHBOURS}, found {said!r}; set it so, or unset it") from None


def replay_command(*parts: str) -> str:
    """A command line of the harness that one can paste."""
    return shlex.join(["harness", *parts])


def repeatable(words: Sequence[str]) -> str:
    """What was typed, so that it can be pasted again: without `--directory`, which is taken then."""
    named = "--directory"
    return shlex.join(
        word
        for before, word in pairwise(["", *words])
        if named not in (before, word) and not word.startswith(f"{named}=")
    )


def name_run(clock: Clock) -> str:
    """A name for a run that begins now."""
    return f"{clock.wall():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def make_directory(directory: Path) -> None:
    """Make a run's directory; raises DeployError when it is there already or can't be made."""
    try:
        (directory / "logs").mkdir(parents=True, exist_ok=False)
    except OSError as error:
        message = f"the run's directory {directory} can't be made: {error.strerror}; choose another --directory"
        raise DeployError(message) from error


def _toxiproxy(
    topology: Topology, environ: Mapping[str, str], say: Callable[[str], None]
) -> tuple[Path, dict[str, str]]:
    """The program, and what the journal tells of it; nothing is looked for where the proxies run already."""
    if topology.system.runtime in WITHOUT_TOXIPROXY:
        return Path(), {}
    from harness.proxy.provision import cache_directory, find_toxiproxy

    found = find_toxiproxy(environ=environ, cache=cache_directory(environ), say=say)
    return found.path, {"toxiproxy": found.version}


def _started(topology: Topology, run: str, wall: str, seed: int, tools: dict[str, str]) -> RunStarted:
    system = topology.system
    return RunStarted(
        run=run,
        system=topology.name,
        wall=wall,
        seed=seed,
        command=repeatable([Path(sys.argv[0]).name, *sys.argv[1:]]),
        harness=__version__,
        python=platform.python_version(),
        tools=tools,
        owners={name: topology.owner(name) for name in (*system.services, *system.stores)},
        edges=tuple(
            EdgeFact(
                consumer=edge.consumer, provider=edge.provider, need=edge.need.value, protocol=topology.protocol(edge)
            )
            for edge in topology.edges.values()
        ),
        journeys=tuple(
            JourneyFact(
                name=name,
                critical=journey.critical,
                deadline_s=float(journey.deadline),
                p99_objective_s=None if journey.objectives.p99 is None else float(journey.objectives.p99),
            )
            for name, journey in system.journeys.items()
        ),
    )

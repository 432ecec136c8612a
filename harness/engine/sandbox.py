"""One service up alone: its own stores, and stubs behind its edges in the places of its providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.clock import Clock, SystemClock
from harness.contracts.stubs.server import MAX_CHOICES_BYTES, UNMATCHED_MARK
from harness.declare.lone_service import LoneService, lone_service
from harness.engine.debugging import debugged
from harness.engine.session import RUNS, Say, Session, Settings, name_run
from harness.engine.stand_ins import StandIn, check_chosen, choices_text, something_played, stand_ins
from harness.errors import DeployError, HarnessError
from harness.model.topology import InstanceId, Topology
from harness.runtime.addresses import check_placeholders

CHOICES = "sandbox-state"
"""The file in the run's directory that chooses the provider states."""
HEADERS = "headers"
"""The file with what the service wants to be sent along, for `curl -H @FILE`; it goes with the run's data."""
OWNER_ONLY = 0o600
LOOK_S = 0.25
MOST_READ_BYTES = 1024 * 1024
"""Of a log, in one look."""
SILENT_S = 60.0
"""How long a line that was told is not told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What somebody asked for."""

    system: Path
    """A system.yaml, or a service.yaml."""
    service: str | None = None
    states: tuple[str, ...] = ()
    loose: bool = False
    debug_port: int | None = None
    """Where the debugger listens; 0 for any port. None without one."""
    directory: Path | None = None
    run: str = ""
    """The run's name; drawn when left out."""
    pacts: Path | None = None
    """The published pacts; those of the system's content folder when left out."""
    unplayed: bool = False
    """Whether it will do when no provider at all can be played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPlan:
    """A sandbox, proved sound; nothing is started yet."""

    lone: LoneService
    topology: Topology
    stand_ins: tuple[StandIn, ...]
    run: str
    """Its name, by which its directory is called, too, unless another one was named."""
    directory: Path
    chosen: str
    debugger: str = ""
    """`127.0.0.1:5678` when there is one."""

    @property
    def choices(self) -> Path:
        """The file that chooses."""
        return self.directory / CHOICES


def plan_sandbox(options: SandboxOptions, clock: Clock | None = None) -> SandboxPlan:
    """Read what a sandbox needs.

    Raises:
        DeclarationError: when the description or a pact is wrong, or no provider can be played.
        HarnessError: when a state is unknown, or the service can't be debugged.
    """
    lone = lone_service(options.system, options.service)
    contracts = lone.root / lone.system.content.contracts
    pacts, documents = options.pacts or contracts / "pacts", contracts / "openapi"
    made = stand_ins(lone, pacts=pacts, documents=documents)
    if not options.unplayed:
        something_played(lone, made, pacts=pacts, documents=documents)
    chosen = check_chosen(made, options.states)
    run = options.run or name_run(clock or SystemClock())
    directory = (options.directory or RUNS / run).resolve()
    choices = directory / CHOICES
    service, debugger = lone.service, ""
    if options.debug_port is not None:
        service, debugger = debugged(lone, options.debug_port)
    played = {each.provider: each.service(lone.name, choices, chosen, loose=options.loose) for each in made}
    topology = lone.topology(played, service)
    in_system = ("services", lone.name) in lone.document.keys
    prefix = ("services", lone.name)
    check_placeholders(topology, place_of=lambda path: lone.document.place(path if in_system else path[len(prefix) :]))
    return SandboxPlan(
        lone=lone, topology=topology, stand_ins=made, run=run, directory=directory, chosen=chosen, debugger=debugger
    )


async def open_sandbox(plan: SandboxPlan, *, say: Say) -> Session:
    """Bring it up; raises as `Session.open`."""
    session = await Session.open(plan.topology, settings=Settings(directory=plan.directory, run=plan.run), say=say)
    try:
        plan.choices.write_text(choices_text(plan.stand_ins, plan.chosen), encoding="utf-8")
        headers_file(session)
    except OSError as error:
        await session.close()
        raise DeployError(f"the sandbox's files can't be written: {error}") from error
    return session


def headers_file(session: Session) -> Path | None:
    """The file with the headers that the service wants; None when it wants none."""
    headers = session.deployment.credentials.headers
    folder = session.directory / "data"
    if not headers or not folder.is_dir():
        return None
    file = folder / HEADERS
    file.touch(mode=OWNER_ONLY)
    file.write_text("".join(f"{name}: {value}\n" for name, value in headers.items()), encoding="utf-8")
    return file


@dataclass(slots=True, kw_only=True)
class Following:
    """Tells of requests that nothing matched, by the logs of the stubs, and of what is chosen in the file."""

    plan: SandboxPlan
    clock: Clock
    say: Callable[[str], None]
    _read: dict[str, int] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)
    _chosen: str | None = None

    async def follow(self) -> None:
        """For ever."""
        while True:
            self.look()
            await self.clock.sleep(LOOK_S)

    def look(self) -> None:
        """Tell what is new; each line once in a while."""
        for each in self.plan.stand_ins:
            for line in self._new_lines(each.provider):
                known = f"{each.provider}: {line}"
                if line.startswith(UNMATCHED_MARK) and self._is_news(known):
                    self.say(known)
        self._look_at_choices()

    def _look_at_choices(self) -> None:
        try:
            with self.plan.choices.open(encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_CHOICES_BYTES)
        except OSError:
            return
        before, self._chosen = self._chosen, text
        if before in {None, text}:
            return
        lines = [each.strip() for each in text.splitlines() if each.strip() and not each.strip().startswith("#")]
        for line in lines:
            try:
                check_chosen(self.plan.stand_ins, [line])
                self.say(f"from now on: {line}")
            except HarnessError as error:
                self.say(f"{CHOICES}: {error}")
        if not lines:
            self.say("from now on no state is chosen")

    def _is_news(self, line: str) -> bool:
        now = self.clock.now()
        self._told = {each: at for each, at in self._told.items() if now - at < SILENT_S}
        return self._told.setdefault(line, now) == now

    def _new_lines(self, provider: str) -> list[str]:
        """Whole lines since the last look."""
        file = self.plan.directory / "logs" / f"{InstanceId(service=provider).name}.log"
        try:
            with file.open("rb") as log:
                log.seek(self._read.get(provider, 0))
                new = log.read(MOST_READ_BYTES)
        except OSError:
            return []
        whole = new[: new.rfind(b"\n") + 1]
        self._read[provider] = self._read.get(provider, 0) + len(whole)
        return whole.decode("utf-8", "replace").splitlines()

"""What a system that is up offers, whatever runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.clock import Clock
from harness.model.credentials import Credentials
from harness.model.events import Event
from harness.model.fault import InstanceTarget
from harness.model.topology import InstanceId, LineId, Topology
from harness.proxy.mesh import Mesh
from harness.runtime.instance import Death, State
from harness.runtime.secret import Secrets
from harness.runtime.supervised import Granter


class Deployment(Protocol):
    """A system that is up; what can't be done to it raises DeployError, which says what it would take."""

    topology: Topology
    mesh: Mesh

    @property
    def credentials(self) -> Credentials:
        """What the harness sends along when it asks a service directly."""
        ...

    @property
    def instances(self) -> tuple[InstanceId, ...]:
        """All instances, those of stores and those that scaling may add included."""
        ...

    def entry_url(self) -> str:
        """The URL of the entry's first instance, as customers use it."""
        ...

    def entry_urls(self) -> tuple[str, ...]:
        """The URLs that customers use, through their edge: one for each instance of the entry service."""
        ...

    def service_url(self, service: str) -> str:
        """The direct URL of a service's first instance."""
        ...

    def direct_url(self, instance: InstanceId | InstanceTarget) -> str:
        """The URL of the instance itself, past every proxy."""
        ...

    def line_url(self, line: LineId) -> str:
        """The URL by which the harness goes the way of a line's consumer."""
        ...

    def store_address(self, store: str, service: str) -> str:
        """The DSN or URL of a store as a service would use it, but direct, past every proxy."""
        ...

    def state(self, instance: InstanceId | InstanceTarget) -> State:
        """Where an instance is in its life."""
        ...

    def alive(self, instance: InstanceId | InstanceTarget) -> bool:
        """Whether it is there; a paused one is."""
        ...

    def pid(self, instance: InstanceId | InstanceTarget) -> int:
        """Its process id; 0 where nobody can know."""
        ...

    @property
    def also_running(self) -> tuple[int, ...]:
        """Processes of the run that are no instance's and not below the harness: those of its other containers."""
        ...

    def log_tail(self, instance: InstanceId | InstanceTarget) -> str:
        """The last lines of its log."""
        ...

    def take_deaths(self) -> tuple[Death, ...]:
        """What has ended since the last call without being told to, whether or not it is back."""
        ...

    async def ready(self, instance: InstanceId | InstanceTarget) -> bool:
        """Whether it can serve now, asked directly."""
        ...

    async def kill(self, instance: InstanceTarget) -> None:
        """SIGKILL; returns when it is gone and its listeners refuse connections."""
        ...

    async def start(self, instance: InstanceTarget) -> None:
        """Start it again; returns when it is ready and its listeners accept again."""
        ...

    async def retire(self, instance: InstanceTarget) -> None:
        """SIGTERM; returns when it has drained, is gone, and its listeners refuse connections."""
        ...

    async def restart(self, instance: InstanceTarget) -> None:
        """Let it drain, end it, and start it again; returns when it is ready."""
        ...

    async def roll(self, service: str) -> None:
        """Restart the instances of a service that run, one after another, each ready before the next one goes."""
        ...

    async def pause(self, instance: InstanceTarget) -> None:
        """Freeze it: it keeps its sockets and answers nothing."""
        ...

    async def resume(self, instance: InstanceTarget) -> None:
        """Let it go on; returns when it is ready."""
        ...

    async def stop(self) -> None:
        """Undo all that deploying did. Safe to call twice."""
        ...


class Deploy(Protocol):
    """How a runtime brings a system up; what fails leaves nothing behind.

    Raises:
        DeclarationError: before anything is started, if the description does not fit the runtime.
        ProvisionError: before anything is started, if a program or an image can't be had.
        DeployError: if something can't be started, or does not become ready.
        ProxyError: if the proxies can't be started.
    """

    async def __call__(  # noqa: PLR0913 -- agreed with the engine; each is a thing of its own
        self,
        topology: Topology,
        /,
        *,
        directory: Path,
        supervisor: Granter,
        toxiproxy: Path,
        clock: Clock,
        run_began: float,
        relay: bool,
        secrets: Secrets | None,
        progress: Callable[[str], None],
        on_event: Callable[[Event], None],
    ) -> Deployment:
        """Bring it up, and return when all of it can serve; `ProcessDeployment.deploy` says what each is."""
        ...

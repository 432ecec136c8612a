"""What a running service holds open: its edges, its stores, its work in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from kit import deadline, defects
from kit.choice import Guide
from kit.client import Edge, Limits
from kit.crowding import Crowding
from kit.directory import REGISTRY, Directory
from kit.flags import Flags
from kit.identity import USERS, USERS_RULE, Identity, Users
from kit.quotas import Admission, Quota
from kit.settings import Settings
from kit.telemetry import Telemetry
from kit.trouble import Unavailable

READY_S = 0.5
HEARD_S = 2.3
"""After so long everybody has heard that an instance has left the directory."""
QUIET_S = 0.4
"""No request in so long: all have heard sooner."""
log = logging.getLogger(__name__)


class Part(Protocol):
    """Something with a connection behind it, whose state can be shown."""

    def health(self) -> dict[str, object]:
        """The state, for people and for checks."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class HardStore(Part, Protocol):
    """A store without which the service can't serve."""

    async def ready(self) -> None:
        """Raises Unavailable when the store is away."""
        ...


AnyPart = TypeVar("AnyPart", bound=Part)
AnyStore = TypeVar("AnyStore", bound=HardStore)


class Host:
    """Holds a service's parts, runs its background work, and lets go of all in reverse order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.draining = False
        self.flags = Flags()
        self.telemetry = Telemetry(settings)
        self.admission = Admission(Quota.read(settings))
        self._parts: dict[str, Part] = {}
        self.identity = self.part("identity", _identity(settings))
        # The registry itself has no registry to go to.
        registry = self._edge("registry", REGISTRY) if settings.instances("registry") else None
        self.directory = self.part("directory", Directory(settings, self.flags, registry))
        self._guide = Guide(zone=settings.zone, places=self.directory.places, flags=self.flags)
        self._stores: list[HardStore] = []
        self._works: list[Callable[[], Awaitable[None]]] = [
            self.identity.run,
            self.directory.run,
            self.part("collector", self.telemetry.exporter).run,
        ]
        if least := settings.number("AT_ONCE_LEAST", 0):
            self._works.append(Crowding(self.admission, least).run)
        self._tasks: list[asyncio.Task[None]] = []

    def edge(self, provider: str, limits: Limits) -> Edge:
        """The client of the edge to that provider."""
        return self.part(provider, self._edge(provider, limits, self._guide))

    def _edge(self, provider: str, limits: Limits, guide: Guide | None = None) -> Edge:
        instances = self.settings.instances(provider)
        return Edge(
            provider,
            instances,
            limits,
            credentials=self.identity,
            guide=guide,
            telemetry=self.telemetry,
            ca=self.settings.tls_ca,
        )

    def part(self, name: str, part: AnyPart) -> AnyPart:
        """Show this part in `/health`, close it at the end."""
        self._parts[name] = part
        return part

    def hard_store(self, name: str, store: AnyStore) -> AnyStore:
        """As `part`, and not ready without it."""
        self._stores.append(store)
        return self.part(name, store)

    def background(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run this while the service runs; when it fails, it is begun again."""
        self._works.append(work)

    def start(self) -> None:
        """Begin the background work; nothing is waited for, since a service starts without its stores too."""
        self._tasks = [asyncio.create_task(_keep(work)) for work in self._works]

    async def stop(self) -> None:
        """End the background work, then close the parts."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        for part in reversed(self._parts.values()):
            await part.close()

    async def drain(self) -> None:
        """Say good-bye: give the lease back, and go on serving until those who have not heard yet are through."""
        self.draining = True
        if await self.directory.leave():
            await self.admission.quiet(for_s=QUIET_S, within_s=HEARD_S)

    async def check_ready(self) -> None:
        """Raises Unavailable when a hard store is away, or when this instance drains."""
        if self.draining:
            raise Unavailable(self.settings.instance, "draining", sent=False)
        deadline.begin(READY_S)
        for store in defects.either("health-lies", [], self._stores):
            await store.ready()

    async def health(self) -> dict[str, object]:
        """Who this is, whether it can serve, and the state of every edge."""
        try:
            await self.check_ready()
            ready, why = True, None
        except Unavailable as error:
            ready, why = False, error.detail
        return {
            "service": self.settings.service,
            "instance": self.settings.instance,
            "zone": self.settings.zone,
            "ready": ready,
            "why": why,
            "quotas": self.admission.health(),
            "flags": self.flags.health(),
            "edges": {name: part.health() for name, part in self._parts.items()},
        }


def _identity(settings: Settings) -> Identity:
    """Without a secret, as in pure tests, the service sends no token and knows the operator only."""
    secret, users = settings.client_secret, None
    if secret is not None:
        edge = Edge("users", settings.instances("users"), USERS, rule=USERS_RULE, ca=settings.tls_ca)
        users = Users(edge, settings.service, secret)
    return Identity(users, settings.operator_token)


async def _keep(work: Callable[[], Awaitable[None]]) -> None:
    """Run some work to its end, again after a pause whenever it breaks."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("background work failed and is begun again")
            await asyncio.sleep(0.5)
        else:
            return

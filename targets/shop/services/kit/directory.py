"""The instances of the shop as the registry judges them, and this instance's own lease there."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping

from kit.choice import Place
from kit.client import Call, Edge, Limits
from kit.flags import Flags
from kit.settings import Settings
from kit.trouble import Trouble
from kit.words import Strict, Tolerant

# A registry that has not yet read its flags says 503 for them alone, hence one_fate.
REGISTRY = Limits(deadline_s=0.6, attempt_s=0.5, attempts=1, at_once=4, one_fate=False)
LEASE_S = 6
EVERY_S = 2.0
SOON_S = 0.3
"""The pause while the registry has not taken the lease yet."""
JITTER = 0.1
STALE_S = 10.0
"""After so long without news nobody is held to be down any more: only the way to the registry may be."""
log = logging.getLogger(__name__)


class Lease(Strict):
    """This instance as it registers."""

    service: str
    instance: str
    zone: str
    version: str
    owner: str
    documents: list[str]
    lease_s: int


class Registered(Tolerant):
    """The registry has it, or has it no more."""

    instance: str


class Known(Tolerant):
    """An instance as the registry judges it."""

    instance: str
    service: str
    zone: str
    version: str
    up: bool


class Instances(Tolerant):
    """All instances."""

    instances: list[Known]


class Flag(Tolerant):
    """A feature flag."""

    name: str
    value: bool | float


class FlagList(Tolerant):
    """All feature flags."""

    flags: list[Flag]


class Directory:
    """What was last heard from the registry; while that is away it is still better than nothing."""

    def __init__(
        self,
        settings: Settings,
        flags: Flags,
        edge: Edge | None = None,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._flags = flags
        self._edge = edge
        self._every_s = every_s
        self._clock = clock
        self._places: dict[str, dict[str, Place]] = {}
        self._hopeful: dict[str, dict[str, Place]] = {}
        self._heard_at = float("-inf")
        self._leaving = False
        self._registering = asyncio.Lock()
        self.registered = False

    def places(self, provider: str) -> Mapping[str, Place]:
        """What is known of the provider's instances; zone and version stay true, bad news doesn't."""
        fresh = self._clock() - self._heard_at <= STALE_S
        return (self._places if fresh else self._hopeful).get(provider, {})

    def take(self, instances: Instances) -> None:
        """This is how things are now."""
        self._places, self._hopeful = {}, {}
        for known in instances.instances:
            for places, up in ((self._places, known.up), (self._hopeful, True)):
                place = Place(zone=known.zone, version=known.version, up=up)
                places.setdefault(known.service, {})[known.instance] = place
        self._heard_at = self._clock()

    async def run(self) -> None:
        """Renew the lease and ask for news, again and again."""
        while self._edge is not None:
            async with self._registering:
                if not self._leaving:
                    self.registered = await _said(self._register(self._edge), "the lease")
            await _said(self._hear(self._edge), "the directory")
            await _said(self._hear_flags(self._edge), "the flags")
            pause_s = self._every_s if self.registered else min(SOON_S, self._every_s)
            await asyncio.sleep(pause_s * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 -- only to spread

    async def leave(self) -> bool:
        """Give the lease back for good; whether there was one, and the registry heard of it."""
        self._leaving = True
        async with self._registering:
            if self._edge is None or not self.registered:
                return False
            self.registered = False
            call = Call(method="DELETE", path=f"/leases/{self._settings.instance}", refusals=frozenset({404}))
            return await _said(self._edge.call(call, Registered), "giving the lease back")

    def health(self) -> dict[str, object]:
        """The state of the edge and of what is known, for people and for checks."""
        heard = self._clock() - self._heard_at if self._places else None
        known = [(name, place) for places in self._places.values() for name, place in places.items()]
        return {
            **(self._edge.health() if self._edge is not None else {}),
            "registered": self.registered,
            "heard_s_ago": None if heard is None else round(heard, 1),
            "up": sum(place.up for _, place in known),
            "down": sorted(name for name, place in known if not place.up),
        }

    async def close(self) -> None:
        """Let go of the connections."""
        if self._edge is not None:
            await self._edge.close()

    async def _register(self, edge: Edge) -> None:
        here = self._settings
        lease = Lease(
            service=here.service,
            instance=here.instance,
            zone=here.zone,
            version=here.version,
            owner=here.owner,
            documents=["/openapi.json"],
            lease_s=LEASE_S,
        )
        call = Call(method="POST", path="/leases", body=lease, expect=201, refusals=frozenset({409, 422}))
        await edge.call(call, Registered)

    async def _hear(self, edge: Edge) -> None:
        self.take(await edge.call(Call(method="GET", path="/instances"), Instances))

    async def _hear_flags(self, edge: Edge) -> None:
        found = await edge.call(Call(method="GET", path="/flags"), FlagList)
        self._flags.take({flag.name: flag.value for flag in found.flags})


async def _said(asking: Awaitable[object], what: str) -> bool:
    """Whether it worked; when it doesn't, life goes on."""
    try:
        await asking
    except Trouble as error:
        log.debug("%s: %s", what, error)
        return False
    return True

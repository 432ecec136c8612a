"""Checks every instance that holds a lease, all at once, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from kit.breaker import Rule
from kit.client import Credentials, Edge, Limits
from kit.settings import Settings
from kit.trouble import Trouble

from registry.checks import CHECKS, Check
from registry.memory import Memory
from registry.models import Lease

EVERY_S = 2.0
PAUSE_S = 0.2
"""The least time between two rounds, however many instances register."""
CHECK = Limits(deadline_s=0.5, attempt_s=0.5, attempts=1)
NEVER_OPEN = Rule(calls=1, least=2)
"""The check is itself the probe, so no breaker keeps it from asking."""
OWN_LEASE_S = 60
LONGEST_WHY_CHARS = 200


class Rounds:
    """One edge to each instance that the environment names; an instance without an address can't be checked."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        memory: Memory,
        checks: Mapping[str, Check[Any]] = CHECKS,
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._checks = checks
        self._edges = {
            (service, name): Edge(
                service, {name: url}, CHECK, credentials=credentials, rule=NEVER_OPEN, ca=settings.tls_ca
            )
            for service in checks
            for name, url in settings.instances(service).items()
        }

    async def run(self) -> None:
        """Round after round, the next at once when somebody has registered."""
        while True:
            self._memory.news.clear()
            await self.once()
            await asyncio.sleep(PAUSE_S)
            try:
                async with asyncio.timeout(EVERY_S - PAUSE_S):
                    await self._memory.news.wait()
            except TimeoutError:
                continue

    async def once(self) -> None:
        """Check every instance that holds a lease."""
        here = self._settings
        own = Lease(
            service=here.service,
            instance=here.instance,
            zone=here.zone,
            version=here.version,
            owner=here.owner,
            documents=["/openapi.json"],
            lease_s=OWN_LEASE_S,
        )
        self._memory.register(own)
        await asyncio.gather(*(self._check(lease) for lease in self._memory.leases.living()))

    async def _check(self, lease: Lease) -> None:
        why = None if lease.instance == self._settings.instance else await self._wrong(lease)
        self._memory.leases.checked(lease.instance, why)

    async def _wrong(self, lease: Lease) -> str | None:
        """What is wrong with an instance, if anything is."""
        edge, check = self._edges.get((lease.service, lease.instance)), self._checks.get(lease.service)
        if edge is None or check is None:
            return "the registry has no address to check it by"
        try:
            answer = await edge.call(check.call(self._settings.operator_token), check.answer)
        except Trouble as error:
            return error.detail[:LONGEST_WHY_CHARS]
        return None if check.good(answer) else f"it answers {check.otherwise}"

    def health(self) -> dict[str, object]:
        """How many calls each check has made, and how many failed."""
        return {
            line.instance: {"calls": line.calls, "failures": line.failures}
            for edge in self._edges.values()
            for line in edge.lines
        }

    async def close(self) -> None:
        """Let go of the connections."""
        for edge in self._edges.values():
            await edge.close()

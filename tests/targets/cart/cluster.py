"""Three real NATS nodes in one cluster, which a test may kill, pause and start again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
from nats.errors import Error

from harness.clock import pause
from harness.runtime.ports import LOOPBACK, PortPool
from harness.runtime.stores.nats import Nats

NODES = ("a", "b", "c")
PASSWORD = "made-up"
ELECTED_WITHIN_S = 20.0


class Cluster:
    """The nodes by zone; accounts `cart` and `registry`, each with a user of its name."""

    def __init__(self, directory: Path, ports: PortPool) -> None:
        self._directory = directory
        self._binary = Nats.find(os.environ).path
        self.ports = {zone: ports.take() for zone in NODES}
        self._routes = {zone: ports.take() for zone in NODES}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for zone in NODES:
            self._configure(zone)

    def _configure(self, zone: str) -> None:
        configuration = {
            "host": LOOPBACK,
            "port": self.ports[zone],
            "server_name": f"cart-store-{zone}",
            "jetstream": {"store_dir": str(self._directory / zone)},
            "cluster": {
                "name": "cart-store",
                "host": LOOPBACK,
                "port": self._routes[zone],
                "no_advertise": True,
                "routes": [f"nats://{LOOPBACK}:{port}" for port in self._routes.values()],
            },
            "accounts": {
                name: {"jetstream": "enabled", "users": [{"user": name, "password": PASSWORD}]}
                for name in ("cart", "registry")
            },
        }
        (self._directory / f"{zone}.conf").write_text(json.dumps(configuration), encoding="utf-8")

    def start(self, *zones: str) -> None:
        for zone in zones or NODES:
            with (self._directory / f"{zone}.log").open("ab") as log:
                self._processes[zone] = subprocess.Popen(
                    [self._binary, "--config", self._directory / f"{zone}.conf"], stdout=log, stderr=log
                )

    def signal(self, zone: str, number: signal.Signals) -> None:
        self._processes[zone].send_signal(number)
        if number == signal.SIGKILL:
            self._processes[zone].wait()

    def wait_stopped(self, zone: str) -> None:
        """Until the node, which was sent a signal, does nothing any more."""
        process = self._processes[zone]
        while (
            process.poll() is None
            and Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T"
        ):
            pause(0.002)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def url(self, zone: str, account: str = "cart") -> str:
        return f"nats://{account}:{PASSWORD}@{LOOPBACK}:{self.ports[zone]}"

    def urls(self, account: str = "cart") -> tuple[str, ...]:
        return tuple(self.url(zone, account) for zone in NODES)

    async def leader(self, bucket: str, account: str = "cart") -> str:
        """The zone whose node leads this bucket, once there is one and all nodes that run are up to date."""
        running = [zone for zone, process in self._processes.items() if process.poll() is None]
        async with asyncio.timeout(ELECTED_WITHIN_S):
            while (found := await self._settled(running, bucket, account)) is None:  # noqa: ASYNC110 -- only asking tells
                await asyncio.sleep(0.05)
            return found

    async def _settled(self, running: list[str], bucket: str, account: str) -> str | None:
        try:
            client = await nats.connect(
                self.url(running[0], account), allow_reconnect=False, connect_timeout=2, error_cb=_ignore
            )
        except (Error, OSError, TimeoutError):
            return None
        try:
            found = (await client.jetstream(timeout=1).stream_info(f"KV_{bucket}")).cluster
        except (Error, TimeoutError):
            return None
        finally:
            await client.close()
        if found is None or found.leader is None:
            return None
        current = [replica for replica in found.replicas or [] if replica.current and not replica.offline]
        return found.leader.removeprefix("cart-store-") if len(current) == len(running) - 1 else None


async def _ignore(_: Exception) -> None:
    """The call says it too."""


@contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """The cluster, up while the body runs; it may not have elected a leader yet."""
    with PortPool() as ports:
        nodes = Cluster(directory, ports)
        nodes.start()
        try:
            yield nodes
        finally:
            nodes.stop()

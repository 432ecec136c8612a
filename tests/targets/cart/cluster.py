"""Three real NATS nodes in one cluster, which a test may kill, pause and start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nats
from nats.errors import Error

from harness.runtime.ports import LOOPBACK, PortPool
from harness.runtime.stores.nats import Nats

NODES = ("a", "b", "c")
PASSWORD = "made-up"


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

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def url(self, zone: str, account: str = "cart") -> str:
        return f"nats://{account}:{PASSWORD}@{LOOPBACK}:{self.ports[zone]}"

    def urls(self, account: str = "cart") -> tuple[str, ...]:
        return tuple(self.url(zone, account) for zone in NODES)

    async def leader(self, bucket: str, account: str = "cart") -> str | None:
        """The zone whose node leads this bucket at the moment, asked of a node that runs."""
        for zone, process in self._processes.items():
            if process.poll() is None:
                found: Any = None
                client = await nats.connect(self.url(zone, account), allow_reconnect=False, connect_timeout=2)
                try:
                    found = await client.jetstream(timeout=1).stream_info(f"KV_{bucket}")
                except (Error, TimeoutError):
                    continue
                finally:
                    await client.close()
                leader = found.cluster.leader
                return None if leader is None else str(leader).removeprefix("cart-store-")
        return None


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

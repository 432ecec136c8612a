"""A small system for containers: two services, a database and a bus."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.model.system import Edge, InstanceSpec, Need, Run, Service, Store, StoreKind, System
from harness.model.topology import Topology

STORES = {
    "postgres": Store(kind=StoreKind.POSTGRES, databases=("back",)),
    "bus": Store(kind=StoreKind.NATS),
}


def a_directory(directory: Path) -> Path:
    """A directory with the service's code."""
    shutil.copyfile(Path(__file__).with_name("a_service.py"), directory / "a_service.py")
    return directory


def a_system(
    root: Path,
    *,
    stores: dict[str, Store] | None = None,
    back: Sequence[InstanceSpec] = (InstanceSpec(),),
    env: dict[str, str] | None = None,
) -> Topology:
    """Front calls back, which has the stores."""
    stores = STORES if stores is None else stores
    run = Run(python="a_service:serve", fork=True, path=(".",), preload=("http.server",))
    urls = {
        "postgres": ("DATABASE_DSN", "{edge.postgres.dsn}"),
        "bus": ("BUS_URL", "{edge.bus.url}"),
        "redis": ("REDIS_URL", "{edge.redis.url}"),
    }
    back_env = {"PORT": "{port}", "SAYS": "{instance} in {zone}"} | dict(urls[name] for name in stores if name in urls)
    url = "{edge.back.url}" if len(back) == 1 else "{edge.back.urls}"
    system = System(
        system="pair",
        entry="front",
        services={
            "front": Service(owner="one", run=run, env={"PORT": "{port}", "BACK": url, "SAYS": url}),
            "back": Service(owner="two", run=run, env=back_env | (env or {}), instances=tuple(back)),
        },
        stores=stores,
        edges=(
            Edge(consumer="front", provider="back", need=Need.HARD),
            *(Edge(consumer="back", provider=name, need=Need.HARD) for name in stores),
        ),
    )
    return Topology(system=system, root=str(root), start_order=((*stores,), ("back",), ("front",)))

"""What every kind of store can do for the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self

from harness.model.process import ProcessSpec, Spawner
from harness.model.system import Store, StoreKind
from harness.runtime.secret import Secrets
from harness.runtime.stores.binaries import Binary


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    """What a node of a cluster listens on beside its clients' port."""

    cluster: int
    """For the other nodes."""
    monitor: int
    """For the harness, to see whether it is one with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlan:
    """One store that is to run."""

    name: str
    store: Store
    port: int
    directory: Path
    """Its data; made by the driver."""
    log: Path
    env: Mapping[str, str]
    root: str = ""
    """The directory of the description."""
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    nodes: Mapping[str, NodePorts] = field(default_factory=dict)
    """All nodes of its cluster, itself among them; none when it stands alone."""


class StoreDriver(Protocol):
    """One store: how it is prepared, started, asked whether it is ready, and addressed."""

    kind: ClassVar[StoreKind]

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """Its program; raises ProvisionError when there is none."""
        ...

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """The store as it will run."""
        ...

    async def prepare(self, spawner: Spawner) -> None:
        """Lay out its data; raises DeployError when that fails."""
        ...

    def spec(self) -> ProcessSpec:
        """The process to start, now and after each kill."""
        ...

    async def ready(self) -> str | None:
        """None when it serves; else what is lacking, in words."""
        ...

    def url(self, service: str, port: int) -> str:
        """The address that a service uses to reach it through some port of 127.0.0.1."""
        ...

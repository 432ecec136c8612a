"""What goes wrong, where, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal, Protocol, runtime_checkable

from harness.model.declared import Declared
from harness.model.quantity import Duration

AT_ONCE = Duration(0)


class FaultSpec(Declared):
    """The attributes of a fault, validated before anything is touched; one subclass in a file."""

    kind: ClassVar[str]
    """The word for it in experiments: `latency`, `black-hole`, …"""
    acts_on: ClassVar[Literal["edge", "instance"]]
    passes_traffic: ClassVar[bool] = True
    """Whether the consumer's attempts reach the relay, where crossings are counted: not where they are refused."""

    @property
    def chooses(self) -> bool:
        """Whether it means only a part of what crosses: some connections, some exchanges."""
        return False

    needs_http: ClassVar[bool] = False
    """Whether it acts on what is said in plain HTTP/1.1, and so on no other edge."""

    def describe(self) -> str:
        """The fault in words: `latency 1 s`."""
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTarget:
    """All lines of an edge, or only those of one consumer instance or one provider instance."""

    consumer: str
    provider: str
    consumer_index: int | None = None
    provider_index: int | None = None

    @property
    def edge(self) -> str:
        """The edge's name."""
        return f"{self.consumer}->{self.provider}"

    def __str__(self) -> str:
        """As it is shown."""
        return f"{self.consumer} → {self.provider}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceTarget:
    """One instance of a service or a store."""

    service: str
    index: int = 1

    def __str__(self) -> str:
        """As it is shown."""
        return f"{self.service}-{self.index}"


Target = EdgeTarget | InstanceTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A fault, where, from when (seconds after the fault window's start), how long."""

    id: str
    fault: FaultSpec
    target: Target
    after: Duration = AT_ONCE
    lasts: Duration

    def describe(self) -> str:
        """`gateway → recommendations under latency 1 s`."""
        return f"{self.target} under {self.fault.describe()}"


class HealedBy(StrEnum):
    """Which rung of the healing ladder did it."""

    REMOVED = "removed"
    RESTARTED = "proxy restarted"
    RESUMED = "resumed"
    STARTED = "started again"
    RELEASED = "released"
    NOTHING = "nothing to do"


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """What came of asking for a fault."""

    in_force: bool
    """Read back as on, and the probe saw it bite."""
    evidence: str
    """What was read back and what the probe saw: `connect refused on 127.0.0.1:20011`."""
    took_s: float
    """Until that was seen."""
    on_s: float | None = None
    """Until it was read back as on, from when it acts; what takes longer is the proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What met an injection on its lines from its arming to its healing."""

    connections: int = 0
    """Opened meanwhile."""
    requests: int = 0
    """Begun meanwhile, on connections that were open before too."""
    bytes: int = 0
    """Of both directions."""
    exchanges: int | None = None
    """Those that a fault in an exchange chose; None for any other fault."""

    def __add__(self, other: Hits) -> Hits:
        """Both together."""
        chosen = [each.exchanges for each in (self, other) if each.exchanges is not None]
        return Hits(
            connections=self.connections + other.connections,
            requests=self.requests + other.requests,
            bytes=self.bytes + other.bytes,
            exchanges=sum(chosen) if chosen else None,
        )

    def since(self, before: Hits) -> Hits:
        """What came on top of an earlier count."""
        return Hits(
            connections=self.connections - before.connections,
            requests=self.requests - before.requests,
            bytes=self.bytes - before.bytes,
            exchanges=self.exchanges,
        )

    def __str__(self) -> str:
        """As it is told: `3 connections, 12 requests, 4096 bytes`."""
        chosen = "" if self.exchanges is None else f", {self.exchanges} exchanges"
        return f"{self.connections} connections, {self.requests} requests, {self.bytes} bytes{chosen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What came of taking a fault back."""

    verified: bool
    """Read back as off, and the line answers again (or the instance is ready again)."""
    by: HealedBy
    evidence: str
    took_s: float
    also_cut: tuple[str, ...] = ()
    """Names of other lines whose connections were cut, when a proxy had to be restarted."""
    hits: Hits | None = None
    """What met it; None where nothing counts that: without a relay, and where connections are refused."""


class Killable(Protocol):
    """A deployment whose instances can be killed and started again."""

    async def kill(self, instance: InstanceTarget) -> None:
        """SIGKILL; returns when the process is gone and its listeners refuse connections."""
        ...

    async def start(self, instance: InstanceTarget) -> None:
        """Start it again on the same port; returns when it is ready."""
        ...


class Pausable(Protocol):
    """A deployment whose instances can be frozen."""

    async def pause(self, instance: InstanceTarget) -> None:
        """Freeze it: it keeps its sockets and answers nothing."""
        ...

    async def resume(self, instance: InstanceTarget) -> None:
        """Let it go on; returns when it is ready."""
        ...


@runtime_checkable
class Stoppable(Protocol):
    """A deployment whose instances can be ended as an operator does, and not only killed."""

    async def retire(self, instance: InstanceTarget) -> None:
        """SIGTERM; returns when it has drained, is gone, and its listeners refuse connections."""
        ...


@runtime_checkable
class Crashable(Protocol):
    """A deployment whose instances can be made to die again each time they are up."""

    async def begin_crashing(self, instance: InstanceTarget, *, away_s: float, up_s: float, most: int) -> None:
        """Kill it; returns when it is gone. It is started after `away_s`, killed after `up_s`, so many times."""
        ...

    async def end_crashing(self, instance: InstanceTarget) -> int:
        """Leave it alone from now on, dead or alive; gives how often it was killed."""
        ...


@runtime_checkable
class Rollable(Protocol):
    """A deployment whose services can be restarted an instance at a time, as another version too."""

    def begin_rolling(self, service: str, *, to: str, back: bool, over_s: float) -> None:
        """Begin, spread over so many seconds; raises DeployError when that can't be done, and nothing was touched."""
        ...

    async def end_rolling(self, service: str) -> None:
        """Wait until it is done; raises DeployError when it could not be."""
        ...


class Resource(StrEnum):
    """What an instance can be left too little of."""

    CPU = "CPU"
    MEMORY = "memory"
    DISK = "disk"
    DESCRIPTORS = "descriptors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """How little of a resource is left to an instance."""

    resource: Resource
    leaves: float = 0.0
    """Of the CPU the share of the time that it runs; else how much more it gets: bytes, or descriptors."""


@runtime_checkable
class Pressable(Protocol):
    """A deployment whose instances can be left with too little of a resource."""

    async def press(self, instance: InstanceTarget, pressure: Pressure) -> str:
        """Put it on, and read it back; gives what was read.

        Raises:
            DeployError: when that can't be done here, which says why; then nothing was changed.
        """
        ...

    async def release(self, instance: InstanceTarget, resource: Resource) -> None:
        """Let it have again what it had; nothing happens when nothing was put on, or it is gone."""
        ...

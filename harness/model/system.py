"""What is written down about a system: services, stores, edges, journeys, and what is expected of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.model.declared import Declared, DegradedMark, HeaderName, Name
from harness.model.notifying import Notify
from harness.model.quantity import Duration, Share

CUSTOMERS = "customers"
"""The consumer that journeys act for; it has one edge, to the entry service."""

WELL_KNOWN_PORT_LIMIT = 65535
MOST_INSTANCES = 20
"""To which a service may be scaled: each has a line from every instance of its consumers."""


class Need(StrEnum):
    """Whether a consumer can answer without this provider."""

    HARD = "hard"
    SOFT = "soft"


class Restart(StrEnum):
    """What becomes of an instance that has died."""

    NEVER = "never"
    ALWAYS = "always"


class Signal(StrEnum):
    """By what is seen that a service has too few instances."""

    REQUESTS = "requests"
    """Requests a second to each instance that runs, as the relay counts them."""


class StoreKind(StrEnum):
    """The stores that the harness can run by itself."""

    POSTGRES = "postgres"
    REDIS = "redis"
    NATS = "nats"
    TCP = "tcp"
    """Any other; the harness runs it by its command only."""


class RuntimeKind(StrEnum):
    """What runs the system, and how its edges come to have a proxy."""

    PROCESS = "process"
    """As processes; each is told the addresses of its edges by its environment, its command or a file."""
    NAMESPACES = "namespaces"
    """As processes, each in a network namespace in which the addresses that stand in its code lead to the proxies."""
    COMPOSE = "compose"
    """As the containers of a docker-compose.yml, which stays as it is."""
    ATTACH = "attach"
    """It runs already, and so do its proxies."""


class Ability(StrEnum):
    """What the harness may do to a system that is not on this machine alone."""

    LOAD = "load"
    FAULTS = "faults"
    KILL = "kill"
    FUZZ = "fuzz"


LOCAL = "local"
PRODUCTION = "production"
TCP_READY = "tcp"
"""Ready as soon as it takes a connection."""


class Run(Declared):
    """How one instance of a service is started: by a command, or as a Python function."""

    command: tuple[str, ...] | None = None
    """The program and its arguments; `{port}`, `{zone}`, `{instance}` are filled in."""
    python: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    """`module:function`, called without arguments in a process of its own."""
    fork: bool = False
    """Fork the function's process from one that has imported the libraries (fast, and saves memory)."""
    path: tuple[str, ...] = ()
    """Directories put in front of `sys.path` (or PYTHONPATH), relative to the description."""
    preload: tuple[str, ...] = ()
    """Libraries to import before forking."""
    cwd: str = "."
    """The working directory, relative to the description."""
    files: dict[str, str] = Field(default_factory=dict)
    """Files to write before the start: a name below `{data}`, and the template, relative to the description."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.python is None):
            message = "expected either 'command' or 'python', not both and not none"
            raise ValueError(message)
        if self.fork and self.python is None:
            message = "'fork' goes with 'python' only"
            raise ValueError(message)
        return self


class InstanceSpec(Declared):
    """One running copy of a service."""

    zone: Name = "a"
    port: Annotated[int, Field(ge=1, le=WELL_KNOWN_PORT_LIMIT)] | None = None
    """A fixed port on 127.0.0.1; without it the harness picks one."""
    env: dict[str, str] = Field(default_factory=dict)
    """Added to the service's environment for this copy; what stands in both is taken from here."""


class VersionSpec(Declared):
    """What makes another version of a service, where both can be started."""

    env: dict[str, str]
    """Added to the environment of an instance that runs it; what stands in both is taken from here."""


class Scaling(Declared):
    """When a service gets more instances than are declared, and how many."""

    signal: Signal
    above: Annotated[float, Field(gt=0)]
    """The signal that is too much; below half of it, instances that were added go again."""
    lasts: Annotated[Duration, Field(alias="for")]
    """How long it must be above; it must be below half of it for three times as long."""
    add: Annotated[int, Field(ge=1)] = 1
    """How many are started, or stopped, in one go."""
    most: Annotated[int, Field(ge=1, le=MOST_INSTANCES)]
    """How many there may be in all."""


Command = tuple[str, ...]


class Attached(Declared):
    """Where something is that runs already, and what kills, starts, freezes and resumes it, if anything may.

    Told of a container or a file with a pid, the harness kills and freezes by itself.
    """

    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    """`http://127.0.0.1:8001` of each instance of a service, `127.0.0.1:5432` of a store."""
    kill: Command = ()
    """A command; `{instance}` and `{index}` are filled in, as in those that follow."""
    start: Command = ()
    pause: Command = ()
    resume: Command = ()
    container: str | None = None
    """The container of an instance; `{index}` is filled in."""
    pid_file: str | None = None
    """The file with the pid of an instance; `{index}` is filled in."""


class AttachedProxy(Declared):
    """A Toxiproxy proxy that stands on a line of a system that runs already."""

    api: str
    """`http://127.0.0.1:8474`: where its server is told what to do."""
    proxy: str
    """Its name there."""
    consumer: Annotated[int, Field(ge=1)] = 1
    """The consumer's instance."""
    provider: Annotated[int, Field(ge=1)] = 1
    """The provider's instance."""


class Service(Declared):
    """A deployable: who owns it, how it runs, and how one sees that it can serve."""

    owner: str
    run: Run | None = None
    """Needed where the harness starts it."""
    compose: str | None = None
    """Its name in the docker-compose.yml, when that differs."""
    attach: Attached | None = None
    """Needed where it runs already."""
    names: tuple[str, ...] = ()
    """Host names by which others know it, in namespaces; its own name is always one."""
    instances: Annotated[tuple[InstanceSpec, ...], Field(min_length=1)] = (InstanceSpec(),)
    env: dict[str, str] = Field(default_factory=dict)
    """Environment; the placeholders that `harness.runtime.addresses` knows are filled in."""
    versions: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=40)], VersionSpec] = Field(
        default_factory=dict
    )
    """To which `harness chaos roll` can roll it; without it, only restarts."""
    restart: Restart = Restart.NEVER
    """Whether an instance that has died, whoever killed it, is started again."""
    scaling: Scaling | None = None
    """Without it there are always as many instances as are declared."""
    ready: Annotated[str, Field(pattern=r"^(/.*|tcp)$")] = "/readyz"
    """Path that answers 2xx once the instance can serve; `tcp` when taking a connection is all that shows it."""
    ready_within: Duration | None = None
    """When it may need more than a minute until then."""
    tls: bool = False
    """Whether it serves TLS when it is told of a certificate and a key, which is in a run with TLS."""
    openapi: str | None = None
    """Path on the service (`/openapi.json`) or file beside the description where its OpenAPI document is."""


class Store(Declared):
    """A database, cache or broker."""

    kind: StoreKind
    owner: str = "platform"
    databases: tuple[Name, ...] = ()
    """Services that get a part of their own: in PostgreSQL a database and a role, in NATS an account and a user."""
    port: Annotated[int, Field(ge=1, le=WELL_KNOWN_PORT_LIMIT)] | None = None
    zone: Name = "a"
    cluster: Name | None = None
    """NATS only: the stores that name the same cluster are its nodes."""
    run: Run | None = None
    """Of `tcp` only: how it is started."""
    compose: str | None = None
    """Its name in the docker-compose.yml, when that differs."""
    attach: Attached | None = None
    """Needed where it runs already."""
    names: tuple[str, ...] = ()
    """Host names by which others know it, in namespaces; its own name is always one."""

    @property
    def divided(self) -> bool:
        """Whether each service has a part of its own in it, and a service without one can't use it."""
        return self.kind is StoreKind.POSTGRES or bool(self.databases)


class Edge(Declared):
    """consumer → provider: the unit of faults, contracts and traffic."""

    consumer: Annotated[Name, Field(alias="from")]
    provider: Annotated[Name, Field(alias="to")]
    need: Need
    deadline: Duration | None = None
    """How long the consumer waits at most, all its attempts together."""
    at: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")], ...] = ()
    """`host:port` as it stands in the consumer's code, in namespaces; names of the provider need not be here."""
    proxies: tuple[AttachedProxy, ...] = ()
    """Where the system runs already: the proxies on its lines."""

    @property
    def name(self) -> str:
        """`consumer->provider`, as it is typed."""
        return edge_name(self.consumer, self.provider)

    @property
    def label(self) -> str:
        """`consumer → provider`, as it is shown."""
        return f"{self.consumer} → {self.provider}"


def edge_name(consumer: str, provider: str) -> str:
    """The name of an edge as it is typed."""
    return f"{consumer}->{provider}"


class Objectives(Declared):
    """What a journey is held to."""

    availability: Share | None = None
    p99: Duration | None = None


class Journey(Declared):
    """What a customer does; the name is that of its task in the locustfile."""

    weight: Annotated[int, Field(ge=1)] = 1
    critical: bool = False
    deadline: Duration
    """The longest a customer may wait for one answer within the journey."""
    needs: tuple[Name, ...] = ()
    """Services and stores without which the journey may fail (cleanly)."""
    usable_without: tuple[Name, ...] = ()
    """Services and stores without which the journey goes on, its answers marked as degraded."""
    objectives: Objectives = Objectives()


HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]


class Access(Declared):
    """What the harness itself sends along when it asks a service directly."""

    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """`{secret.NAME}` is filled in."""


class Content(Declared):
    """Where the content folders are, relative to the description."""

    contracts: str = "contracts"
    chaos: str = "chaos"
    load: str = "loadtests/locustfile.py"


class BaselineLoad(Declared):
    """The load that the system is measured under while nothing is broken."""

    rate: Annotated[float, Field(gt=0, le=10_000)] | None = None
    """Journeys a second in the baseline and in the placebo; the highest of the experiments' when left out."""


class Otlp(Declared):
    """That the harness takes spans by OTLP over HTTP, wherever services are told of `{otlp.url}` or know it already."""

    port: Annotated[int, Field(ge=1, le=WELL_KNOWN_PORT_LIMIT)] | None = None
    """A fixed port on 127.0.0.1; without it the harness picks one."""


class System(Declared):
    """The whole description, as it stands in `system.yaml`."""

    system: Name
    entry: Name
    runtime: RuntimeKind = RuntimeKind.PROCESS
    deployed_by: Name | None = None
    """The runtime of an installed package that brings it up, when the harness's own does not; `runtime` says which of
    ours its description is like."""
    compose: str = "docker-compose.yml"
    """The file, where containers of one are the runtime."""
    environment: Name = LOCAL
    """What the system is; beyond this machine it must be said, and what is allowed there."""
    allow: tuple[Ability, ...] = ()
    content: Content = Content()
    degraded: DegradedMark = DegradedMark()
    access: Access = Access()
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    stores: dict[Name, Store] = Field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    journeys: dict[Name, Journey] = Field(default_factory=dict)
    baseline: BaselineLoad = BaselineLoad()
    otlp: Otlp | None = None
    """Needed only where no `{otlp.url}` stands in a service's description."""
    notify: Notify | None = None
    """Who is told when a run starts, is stopped by a guard, ends."""

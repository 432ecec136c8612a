"""A system proved sound: instances, edges that join known ends, an order to start in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from harness.model.system import CUSTOMERS, Edge, InstanceSpec, Journey, Need, Run, Service, Store, System


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceId:
    """One running copy of a service or of a store; a store has one instance."""

    service: str
    index: int = 1
    zone: str = "a"

    @property
    def name(self) -> str:
        """`catalog-1`."""
        return f"{self.service}-{self.index}"

    def __str__(self) -> str:
        """As `name`."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LineId:
    """One consumer instance to one provider instance: what one Toxiproxy listener serves."""

    consumer: InstanceId
    provider: InstanceId

    @property
    def name(self) -> str:
        """`gateway-1->catalog-1`, which is also the proxy's name."""
        return f"{self.consumer.name}->{self.provider.name}"

    @property
    def edge(self) -> str:
        """The name of the edge it belongs to."""
        return f"{self.consumer.service}->{self.provider.service}"


CUSTOMERS_INSTANCE = InstanceId(service=CUSTOMERS)


@dataclass(frozen=True, kw_only=True)
class Topology:
    """A resolved system; made by `harness.declare.resolve` only.

    `root` is the directory of the description; `start_order` lists services and stores in waves,
    each of which may be started at once after those before it. With `tls`, services that can speak TLS do in this run.
    """

    system: System
    root: str
    start_order: tuple[tuple[str, ...], ...]
    tls: bool = False
    otlp_url: str = ""
    """Where services are told to send their spans in this run; empty when nobody takes any."""

    @property
    def name(self) -> str:
        """The system's name."""
        return self.system.system

    @cached_property
    def edges(self) -> dict[str, Edge]:
        """All edges by name, the customers' edge to the entry service included."""
        customers = Edge(consumer=CUSTOMERS, provider=self.system.entry, need=Need.HARD)
        return {edge.name: edge for edge in (customers, *self.system.edges)}

    @cached_property
    def instances(self) -> tuple[InstanceId, ...]:
        """Every declared instance of every service, in the order of the description."""
        return tuple(
            InstanceId(service=name, index=index, zone=spec.zone)
            for name, service in self.system.services.items()
            for index, spec in enumerate(service.instances, start=1)
        )

    @cached_property
    def standbys(self) -> tuple[InstanceId, ...]:
        """The instances that scaling may add; their zones are those of the declared ones, in turn."""
        return tuple(
            InstanceId(service=name, index=index, zone=self.spec(name, index).zone)
            for name, service in self.system.services.items()
            if service.scaling is not None
            for index in range(len(service.instances) + 1, service.scaling.most + 1)
        )

    @cached_property
    def store_instances(self) -> tuple[InstanceId, ...]:
        """The one instance of each store, in the order of the description."""
        return tuple(InstanceId(service=name, zone=store.zone) for name, store in self.system.stores.items())

    @cached_property
    def lines(self) -> tuple[LineId, ...]:
        """Every (consumer instance, provider instance) of every edge, standbys included."""
        return tuple(
            LineId(consumer=consumer, provider=provider)
            for edge in self.edges.values()
            for consumer in self.possible_of(edge.consumer)
            for provider in self.possible_of(edge.provider)
        )

    def instances_of(self, name: str) -> tuple[InstanceId, ...]:
        """The declared instances of a service, the one of a store, or the customers."""
        if name == CUSTOMERS:
            return (CUSTOMERS_INSTANCE,)
        return tuple(each for each in (*self.instances, *self.store_instances) if each.service == name)

    def possible_of(self, name: str) -> tuple[InstanceId, ...]:
        """As `instances_of`, and after them those that scaling may add."""
        return (*self.instances_of(name), *(each for each in self.standbys if each.service == name))

    def spec(self, service: str, index: int) -> InstanceSpec:
        """How an instance is declared, counted from 1; a standby is as the first, without a port, its zone in turn."""
        declared = self.system.services[service].instances
        if index <= len(declared):
            return declared[index - 1]
        zone = declared[(index - 1) % len(declared)].zone
        return declared[0].model_copy(update={"zone": zone, "port": None})

    def nodes_of(self, store: str) -> tuple[str, ...]:
        """The stores that form a cluster with this one, itself among them; none when it stands alone."""
        cluster = self.system.stores[store].cluster
        return tuple(name for name, each in self.system.stores.items() if cluster and each.cluster == cluster)

    def service(self, name: str) -> Service:
        """The service of that name; KeyError when there is none."""
        return self.system.services[name]

    def run_of(self, name: str) -> Run:
        """How a service is started; KeyError when nothing is said of that, as where it runs already."""
        run = self.system.services[name].run
        if run is None:
            raise KeyError(name)
        return run

    def store(self, name: str) -> Store:
        """The store of that name; KeyError when there is none."""
        return self.system.stores[name]

    def is_store(self, name: str) -> bool:
        """Whether `name` is a store."""
        return name in self.system.stores

    def protocol(self, edge: Edge) -> str:
        """What is spoken on the edge: `http`, `https`, `postgres`, `redis` or `nats`."""
        return (
            self.system.stores[edge.provider].kind.value if self.is_store(edge.provider) else self.scheme(edge.provider)
        )

    def scheme(self, name: str) -> str:
        """How the URLs of a service begin in this run: `http` or `https`."""
        return "https" if self.speaks_tls(name) else "http"

    def speaks_tls(self, name: str) -> bool:
        """Whether that service, or store, serves TLS in this run."""
        return self.tls and name in self.system.services and self.system.services[name].tls

    def owner(self, name: str) -> str:
        """Who owns a service or a store; the customers own nothing."""
        if name in self.system.services:
            return self.system.services[name].owner
        return self.system.stores[name].owner if name in self.system.stores else CUSTOMERS

    def journey(self, name: str) -> Journey:
        """The journey of that name; KeyError when there is none."""
        return self.system.journeys[name]

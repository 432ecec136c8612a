"""One service by itself: cut out of its system, or from its own `service.yaml`, others taking its providers' place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.declare.service_file import Needed, ServiceFile
from harness.declare.system import resolve
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.system import Edge, RuntimeKind, Service, Store, System
from harness.model.topology import Topology

CONTENT = "contracts"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneService:
    """A service, whom it needs, and where that is written."""

    name: str
    service: Service
    system: System
    """Whatever is known of the whole; of a `service.yaml` that is the service and its stores."""
    document: Document
    root: Path

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Its own, to services and stores."""
        return tuple(edge for edge in self.system.edges if edge.consumer == self.name)

    @property
    def providers(self) -> tuple[str, ...]:
        """The services that it needs."""
        return tuple(edge.provider for edge in self.edges if edge.provider not in self.system.stores)

    def owner_of(self, provider: str) -> str:
        """Who owns a provider, where that is known."""
        known = self.system.services.get(provider)
        return known.owner if known is not None else "unknown"

    def problem(self, message: str, remedy: str = "") -> Problem:
        """A problem with the service as a whole."""
        in_system = ("services", self.name) in self.document.keys
        return self.document.problem(("services", self.name) if in_system else ("service",), message, remedy)

    def topology(self, stand_ins: Mapping[str, Service], service: Service | None = None) -> Topology:
        """It alone, once, with its own stores; others in its providers' places, each behind its edge.

        Args:
            stand_ins: what takes the place of each provider.
            service: the service as it is to be started, when not as it is declared.

        Raises:
            DeclarationError: when that is no sound system, or the harness does not start it.
        """
        if self.system.runtime is not RuntimeKind.PROCESS:
            message = f"'{self.name}' runs in a system of 'runtime: {self.system.runtime}'"
            remedy = "one service alone is started as a process: give it 'run', and leave 'runtime' out"
            raise DeclarationError([self.problem(message, remedy)])
        alone = (service or self.service).model_copy(
            update={"tls": False, "scaling": None, "instances": self.service.instances[:1]}
        )
        cut = self.system.model_copy(
            update={
                "system": f"{self.name}-alone",
                "entry": self.name,
                "services": {self.name: alone, **stand_ins},
                "stores": self._stores(),
                "edges": self.edges,
                "journeys": {},
            }
        )
        return resolve(self.document, cut, root=self.root)

    def _stores(self) -> dict[str, Store]:
        """Those it uses, and the other nodes of their clusters."""
        declared = self.system.stores
        used = {edge.provider for edge in self.edges} & declared.keys()
        clusters = {declared[name].cluster for name in used} - {None}
        kept = {name: each for name, each in declared.items() if name in used or each.cluster in clusters}
        return {
            name: each.model_copy(update={"databases": tuple(one for one in each.databases if one == self.name)})
            for name, each in kept.items()
        }


def lone_service(file: Path, name: str | None = None) -> LoneService:
    """A service of a system.yaml, or the one that a service.yaml describes.

    Raises:
        DeclarationError: when the file is wrong, or has no such service.
    """
    document = read_yaml(file)
    if is_service_file(document):
        return _of_service_file(document, file, name)
    system = validated(document, System)
    resolve(document, system, root=file.resolve().parent)
    if name is None or name not in system.services:
        remedy = nearest(name or "", system.services)
        message = f"'{name}' is a store, and no service" if name in system.stores else f"no service '{name}'"
        raise DeclarationError([Problem(place=Place(file=str(file)), message=message, remedy=remedy)])
    return LoneService(
        name=name, service=system.services[name], system=system, document=document, root=file.resolve().parent
    )


def is_service_file(document: Document) -> bool:
    """Whether it describes one service, and no system."""
    content = document.content
    return isinstance(content, dict) and "service" in content and "services" not in content


def _of_service_file(document: Document, file: Path, name: str | None) -> LoneService:
    spec = validated(document, ServiceFile)
    if name not in {None, spec.service}:
        problem = document.problem(("service",), f"no service '{name}' is described here, but '{spec.service}'")
        raise DeclarationError([problem])
    if spec.run is None:
        message, remedy = f"nothing says how '{spec.service}' is started", "add run: {command: [...]}"
        raise DeclarationError([document.problem(("service",), message, remedy)])
    system = System(
        system=spec.service,
        entry=spec.service,
        access=spec.access,
        services={spec.service: spec},
        stores=spec.stores,
        edges=tuple(_edge(spec.service, needed) for needed in spec.needs),
    )
    return LoneService(name=spec.service, service=spec, system=system, document=document, root=file.resolve().parent)


def _edge(consumer: str, needed: Needed) -> Edge:
    return Edge(consumer=consumer, provider=needed.to, need=needed.need, deadline=needed.deadline, at=needed.at)

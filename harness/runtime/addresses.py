"""How a service learns where it is and whom it may call: the placeholders in its environment and its command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from harness.errors import DeclarationError, Place, Problem
from harness.model.system import StoreKind
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.ports import LOOPBACK

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_OF_ITSELF = ("port", "zone", "instance")
LITERAL_BRACES = "write '{{' and '}}' for braces that are meant literally"


class StoreUrl(Protocol):
    """The address of a store as one service uses it through some port."""

    def __call__(self, store: str, service: str, port: int, /) -> str:
        """The URL or DSN."""
        ...


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with `{name}` replaced by its value and `{{`, `}}` by single braces.

    Raises:
        KeyError: with the name, if there is no such value; a lone brace counts as a name.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        return values[match[0] if match[1] is None else match[1]]

    return _TOKEN.sub(value, text)


def names(text: str) -> Iterator[str]:
    """The placeholders in a text, a lone brace included."""
    for match in _TOKEN.finditer(text):
        if match[0] not in ("{{", "}}"):
            yield match[0] if match[1] is None else match[1]


def known_names(topology: Topology, service: str) -> list[str]:
    """The placeholders that a service may use."""
    known = list(_OF_ITSELF)
    for edge in topology.edges.values():
        if edge.consumer != service:
            continue
        of_edge = ["url", "dsn"] if topology.is_store(edge.provider) else ["url", "urls"]
        if len(topology.instances_of(edge.provider)) > 1:
            of_edge.remove("url")
        if _without_database(topology, service, edge.provider):
            continue
        known += [f"edge.{edge.provider}.{attribute}" for attribute in of_edge]
    return known


def _without_database(topology: Topology, service: str, provider: str) -> bool:
    """Whether the provider gives a role and a database to each service that is named, and to this one not."""
    if not topology.is_store(provider):
        return False
    store = topology.store(provider)
    return store.kind is StoreKind.POSTGRES and service not in store.databases


PlaceOf = Callable[[tuple[str | int, ...]], Place]
"""Where in the description something stands, by the keys that lead to it."""


def check_placeholders(topology: Topology, *, place_of: PlaceOf | None = None) -> None:
    """Prove that every placeholder can be filled, before anything is started.

    Args:
        topology: what is to run.
        place_of: tells file, line and column; without it, problems name the directory of the description.

    Raises:
        DeclarationError: with every placeholder that can't.
    """
    problems = []
    for service, declared in topology.system.services.items():
        texts: dict[tuple[str | int, ...], str] = {("env", name): text for name, text in declared.env.items()}
        texts |= {("run", "command", index): text for index, text in enumerate(declared.run.command or ())}
        known = known_names(topology, service)
        for path, text in texts.items():
            where = ".".join(map(str, path))
            place = place_of(("services", service, *path)) if place_of else Place(file=topology.root)
            unknown = [name for name in names(text) if name not in known]
            problems += [replace(_problem(topology, service, where, name, known), place=place) for name in unknown]
    if problems:
        raise DeclarationError(problems)


def _problem(topology: Topology, service: str, where: str, name: str, known: list[str]) -> Problem:
    found = f"services.{service}.{where}: "
    expected = f"expected one of {', '.join(f'{{{each}}}' for each in known)}"
    kind, _, rest = name.partition(".")
    provider, _, attribute = rest.rpartition(".")
    remedy = LITERAL_BRACES
    if name in ("{", "}"):
        found += f"a lone {name!r}"
    elif kind == "edge" and f"edge.{provider}.urls" in known and attribute == "url":
        count = len(topology.instances_of(provider))
        found += f"{{{name}}} is one address, but {provider} has {count} instances"
        expected, remedy = f"expected {{edge.{provider}.urls}}, all of them joined by commas", "use that"
    elif kind == "edge" and _without_database(topology, service, provider):
        found += f"{{{name}}}, but {service} has no database in {provider}"
        expected, remedy = f"expected {service!r} in stores.{provider}.databases", "add it there"
    elif kind == "edge" and provider and not any(each.startswith(f"edge.{provider}.") for each in known):
        found += f"{{{name}}}, but there is no edge {service}->{provider}"
        remedy = f"declare the edge, or {LITERAL_BRACES}"
    else:
        found += f"unknown placeholder {{{name}}}"
    return Problem(place=Place(file=topology.root), message=f"{found}; {expected}", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything listens: each instance itself, and each line's entry, which is what its consumer is told."""

    topology: Topology
    direct: Mapping[InstanceId, int]
    entry: Mapping[LineId, int]
    store_url: StoreUrl

    def values(self, instance: InstanceId) -> dict[str, str]:
        """What an instance's placeholders stand for; has exactly the names of `known_names`."""
        own = {"port": str(self.direct[instance]), "zone": instance.zone, "instance": instance.name}
        by_edge = {
            f"edge.{edge.provider}.{attribute}": value
            for edge in self.topology.edges.values()
            if edge.consumer == instance.service
            for attribute, value in self._of_edge(instance, edge.provider).items()
        }
        values = own | by_edge
        return {name: values[name] for name in known_names(self.topology, instance.service)}

    def entries(self, consumer: InstanceId, provider: str) -> list[int]:
        """The entry ports through which a consumer reaches the instances of a provider."""
        return [
            self.entry[LineId(consumer=consumer, provider=instance)]
            for instance in self.topology.instances_of(provider)
        ]

    def _of_edge(self, consumer: InstanceId, provider: str) -> dict[str, str]:
        ports = self.entries(consumer, provider)
        if self.topology.is_store(provider):
            url = self.store_url(provider, consumer.service, ports[0])
            return {"url": url, "dsn": url}
        urls = [f"http://{LOOPBACK}:{port}" for port in ports]
        return {"url": urls[0], "urls": ",".join(urls)}

"""How a service learns where it is and whom it may call: the placeholders in its environment and its command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.errors import DeclarationError, Place, Problem
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.config_files import TemplateError, placeholders, problems_of, read_template
from harness.runtime.ports import LOOPBACK
from harness.runtime.secret import Secrets

if TYPE_CHECKING:
    from harness.runtime.certificates import Certificates

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_OF_ITSELF = ("port", "zone", "instance", "service", "owner", "data", "tls.cert", "tls.key", "tls.ca", "otlp.url")
OF_A_STORE = ("port", "zone", "instance", "owner", "data")
"""What the command and the files of a store may have, besides secrets."""
_OF_A_SERVER = ("tls.cert", "tls.key")
_SECRET = re.compile(r"secret\.([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
ANY_SECRET = "secret.NAME"  # noqa: S105 -- how it is written, not what it stands for
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
    """The placeholders that a service may use; of secrets, those that stand in its own description."""
    known = list(_OF_ITSELF)
    for edge in topology.edges.values():
        if edge.consumer != service:
            continue
        of_edge = ["url", "dsn"] if topology.is_store(edge.provider) else ["url", "urls", "instances"]
        of_edge += ["host", "port"]
        if len(topology.possible_of(edge.provider)) > 1:
            of_edge = ["urls", "instances"]
        if _without_database(topology, service, edge.provider):
            continue
        known += [f"edge.{edge.provider}.{attribute}" for attribute in of_edge]
    used = (name for text in _texts(topology, service).values() for name in names(text))
    return [*known, *dict.fromkeys(name for name in used if _SECRET.fullmatch(name))]


def asks_for_spans(topology: Topology) -> bool:
    """Whether the description says that somebody is to take spans."""
    if topology.system.otlp is not None:
        return True
    texts = (text for service in topology.system.services for text in _texts(topology, service).values())
    return any("otlp.url" in names(text) for text in texts)


def _texts(topology: Topology, service: str) -> dict[Path_, str]:
    """All texts of a service that may hold placeholders, by the keys that lead to them."""
    declared = topology.service(service)
    texts: dict[Path_, str] = {("env", name): text for name, text in declared.env.items()}
    command = (declared.run.command if declared.run else None) or ()
    texts |= {("run", "command", index): text for index, text in enumerate(command)}
    texts |= {
        ("versions", version, "env", name): text
        for version, spec in declared.versions.items()
        for name, text in spec.env.items()
    }
    return texts | {
        ("instances", index, "env", name): text
        for index, instance in enumerate(declared.instances)
        for name, text in instance.env.items()
    }


def _without_database(topology: Topology, service: str, provider: str) -> bool:
    """Whether the provider gives a part of its own to each service that is named, and to this one not."""
    if not topology.is_store(provider):
        return False
    store = topology.store(provider)
    return store.divided and service not in store.databases


Path_ = tuple[str | int, ...]
PlaceOf = Callable[[Path_], Place]
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
    for service in topology.system.services:
        known = known_names(topology, service)
        for path, text in _texts(topology, service).items():
            where = ".".join(map(str, path))
            place = place_of(("services", service, *path)) if place_of else Place(file=topology.root)
            unknown = [name for name in names(text) if name not in known]
            problems += [replace(_problem(topology, service, where, name, known), place=place) for name in unknown]
        problems += _in_files(topology, service, known, place_of)
        if topology.service(service).tls:
            place = place_of(("services", service, "tls")) if place_of else Place(file=topology.root)
            problems += [replace(each, place=place) for each in _untold(topology, service)]
    for store in topology.system.stores:
        problems += _of_a_store(topology, store, place_of)
    for header, text in topology.system.access.headers.items():
        place = place_of(("access", "headers", header)) if place_of else Place(file=topology.root)
        for name in names(text):
            if not _SECRET.fullmatch(name):
                message = f"access.headers.{header}: {{{name}}} can't stand here; expected {{{ANY_SECRET}}}"
                problems.append(Problem(place=place, message=message, remedy=LITERAL_BRACES))
    if problems:
        raise DeclarationError(problems)


def _in_files(topology: Topology, service: str, known: list[str], place_of: PlaceOf | None) -> Iterator[Problem]:
    """What is wrong with the templates of a service."""
    run = topology.service(service).run
    if run is None:
        return

    def problem_of(name: str) -> Problem | None:
        fine = name in known or _SECRET.fullmatch(name)
        return None if fine else _problem(topology, service, "run.files", name, known)

    def where(file: str) -> Place:
        return place_of(("services", service, "run", "files", file)) if place_of else Place(file=topology.root)

    yield from problems_of(run.files, Path(topology.root), place_of=where, problem_of=problem_of)


def _of_a_store(topology: Topology, store: str, place_of: PlaceOf | None) -> Iterator[Problem]:
    """What is wrong with the command and the templates of a store that is run by one."""
    run = topology.store(store).run
    if run is None:
        return

    def where(*path: str | int) -> Place:
        return place_of(("stores", store, "run", *path)) if place_of else Place(file=topology.root)

    def problem_of(name: str) -> Problem | None:
        if name in OF_A_STORE or _SECRET.fullmatch(name):
            return None
        usable = ", ".join(f"{{{each}}}" for each in (*OF_A_STORE, ANY_SECRET))
        message = f"stores.{store}.run: unknown placeholder {{{name}}}; expected one of {usable}"
        return Problem(place=Place(file=topology.root), message=message, remedy=LITERAL_BRACES)

    if run.command is None:
        message = f"a store is started by a command, and '{store}' names a function"
        yield Problem(place=where("python"), message=message, remedy="give run.command")
    for index, text in enumerate(run.command or ()):
        found = (problem_of(name) for name in names(text))
        yield from (replace(problem, place=where("command", index)) for problem in found if problem)
    yield from problems_of(
        run.files, Path(topology.root), place_of=lambda file: where("files", file), problem_of=problem_of
    )


def _names_in_files(topology: Topology, service: str) -> Iterator[str]:
    """The placeholders in the templates of a service, as far as they can be read."""
    run = topology.service(service).run
    for template in run.files.values() if run else ():
        try:
            text = read_template(Path(topology.root) / template)
        except TemplateError:
            continue
        yield from (found.name for found in placeholders(text))


def _untold(topology: Topology, service: str) -> Iterator[Problem]:
    """What is wrong with a service that serves TLS, and is not told what it needs for that."""
    told = {name for text in _texts(topology, service).values() for name in names(text)}
    told |= {*_names_in_files(topology, service)}
    for name in _OF_A_SERVER:
        if name not in told:
            message = f"services.{service}: 'tls: true', but neither env nor command has {{{name}}}, nor a file"
            remedy = f'add it: TLS_{name.removeprefix("tls.").upper()}: "{{{name}}}"'
            yield Problem(place=Place(file=topology.root), message=message, remedy=remedy)


def _problem(topology: Topology, service: str, where: str, name: str, known: list[str]) -> Problem:
    found = f"services.{service}.{where}: "
    usable = [*(each for each in known if not _SECRET.fullmatch(each)), ANY_SECRET]
    expected = f"expected one of {', '.join(f'{{{each}}}' for each in usable)}"
    kind, _, rest = name.partition(".")
    provider, _, attribute = rest.rpartition(".")
    remedy = LITERAL_BRACES
    if name in ("{", "}"):
        found += f"a lone {name!r}"
    elif kind == "edge" and f"edge.{provider}.urls" in known and attribute in ("url", "host", "port"):
        count = len(topology.possible_of(provider))
        most = "up to " if topology.service(provider).scaling else ""
        found += f"{{{name}}} is one address, but {provider} has {most}{count} instances"
        expected = f"expected {{edge.{provider}.urls}} or {{edge.{provider}.instances}}, all of them joined by commas"
        remedy = "use one of those"
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
    secrets: Secrets
    data: Path
    """Below it, each instance of a service has a directory."""

    def data_of(self, instance: InstanceId) -> Path:
        """The directory of an instance; no store's can be the same, since no name has an underscore."""
        return self.data / "of_services" / instance.name

    @property
    def certificates(self) -> Certificates:
        """Where those of the run are, if it has TLS."""
        from harness.runtime.certificates import Certificates

        return Certificates(directory=self.data / "of_tls")

    def access_headers(self) -> dict[str, str]:
        """What the harness sends along when it asks a service directly."""
        headers = self.topology.system.access.headers
        used = {name for text in headers.values() for name in names(text)}
        values = {name: self._secret(name) for name in used}
        return {header: fill(text, values) for header, text in headers.items()}

    def values(self, instance: InstanceId) -> dict[str, str]:
        """What an instance's placeholders stand for; has exactly the names of `known_names`."""
        own = {
            "port": str(self.direct[instance]),
            "zone": instance.zone,
            "instance": instance.name,
            "service": instance.service,
            "owner": self.topology.owner(instance.service),
            "data": str(self.data_of(instance)),
            "otlp.url": self.topology.otlp_url,
            **self._of_tls(instance.service),
        }
        by_edge = {
            f"edge.{edge.provider}.{attribute}": value
            for edge in self.topology.edges.values()
            if edge.consumer == instance.service
            for attribute, value in self._of_edge(instance, edge.provider).items()
        }
        values = own | by_edge
        known = known_names(self.topology, instance.service)
        return {name: values[name] if name in values else self._secret(name) for name in known}

    def value_of(self, instance: InstanceId) -> Callable[[str], str | None]:
        """What a placeholder in a file of an instance stands for; None when it is none."""
        values = self.values(instance)
        return lambda name: self._secret(name) if _SECRET.fullmatch(name) else values.get(name)

    def _of_tls(self, service: str) -> dict[str, str]:
        """Empty texts without TLS, and of a certificate for a service that serves none."""
        files, serves = self.certificates, self.topology.speaks_tls(service)
        return {
            "tls.cert": str(files.certificate(service)) if serves else "",
            "tls.key": str(files.key(service)) if serves else "",
            "tls.ca": str(files.ca) if self.topology.tls else "",
        }

    def entries(self, consumer: InstanceId, provider: str) -> list[int]:
        """The entry ports through which a consumer reaches the instances of a provider."""
        return [
            self.entry[LineId(consumer=consumer, provider=instance)] for instance in self.topology.possible_of(provider)
        ]

    def _of_edge(self, consumer: InstanceId, provider: str) -> dict[str, str]:
        ports = self.entries(consumer, provider)
        if self.topology.is_store(provider):
            url = self.store_url(provider, consumer.service, ports[0])
            return {"url": url, "dsn": url, "host": LOOPBACK, "port": str(ports[0])}
        urls = [f"{self.topology.scheme(provider)}://{LOOPBACK}:{port}" for port in ports]
        named = zip(self.topology.possible_of(provider), urls, strict=True)
        instances = ",".join(f"{instance.name}={url}" for instance, url in named)
        of_first = {"url": urls[0], "host": LOOPBACK, "port": str(ports[0])}
        return {**of_first, "urls": ",".join(urls), "instances": instances}

    def _secret(self, placeholder: str) -> str:
        match = _SECRET.fullmatch(placeholder)
        if match is None:
            raise KeyError(placeholder)
        return self.secrets.of(match[1])

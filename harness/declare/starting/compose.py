"""A compose project as a first description: what runs, what is a store, and who names whom."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.declare.starting import unsupported
from harness.declare.starting.compose_file import Project, read_project
from harness.declare.starting.draft import Draft, DraftEdge, DraftJourney, DraftService, DraftStep, DraftStore, Reason
from harness.declare.starting.images import store_port
from harness.declare.starting.located import Section, texts
from harness.declare.starting.names import distinct, normal
from harness.declare.starting.ports import health_path, listens_at, published
from harness.declare.starting.references import references
from harness.errors import DeclarationError, Place, Problem
from harness.model.system import Need, RuntimeKind

_FRONT = (
    "gateway",
    "frontend",
    "front",
    "web",
    "webapp",
    "ui",
    "app",
    "nginx",
    "proxy",
    "ingress",
    "edge",
    "api",
    "site",
)
_ENDS = "service_completed_successfully"
_OUTSIDE = "host.docker.internal"


def from_compose(
    file: Path, *, environ: Mapping[str, str], directory: Path, name: str | None = None, profiles: Iterable[str] = ()
) -> Draft:
    """Describe the project of a compose file.

    Args:
        file: the compose file.
        environ: what `${VARIABLES}` may stand for, before `.env`.
        directory: where the description will be.
        name: the system's name; that of the project, or of its directory, when left out.
        profiles: whose services are taken in too.

    Raises:
        DeclarationError: if it can't be read or makes no sense.
    """
    project = read_project(file, environ=environ)
    return _Drafting(project, frozenset(profiles)).draft(_relative(file, directory), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A reference from one part to another."""

    consumer: str
    provider: str
    port: int | None
    why: str
    place: Place


class _Drafting:
    """Goes through a project once."""

    def __init__(self, project: Project, profiles: frozenset[str]) -> None:
        self._project = project
        self.remarks = list(project.remarks)
        self._kept = self._chosen(profiles)
        self._names = distinct(self._kept)
        for theirs, ours in self._names.items():
            if normal(theirs) != ours:
                message = f"'{theirs}' would be called '{normal(theirs)}', as another is: it is '{ours}' in system.yaml"
                self.remarks.append(project.places[theirs].problem(message, "rename it in system.yaml if you like"))
        self._found = list(self._references())

    def draft(self, compose: str, name: str | None) -> Draft:
        """All of it."""
        project, kept = self._project, self._kept
        for service in kept:
            self.remarks += unsupported.of_service(service, kept[service])
        for top in project.tops:
            self.remarks += unsupported.of_project(top)
        stores = tuple(self._store(each) for each in kept if self._is_store(each))
        services = tuple(self._service(each) for each in kept if not self._is_store(each))
        if not services:
            message = "every service of it is a store: nobody is left to serve customers"
            raise DeclarationError([Problem(place=Place(file=str(project.file)), message=message, remedy="add one")])
        entry = self._entry()
        ready = next(each.ready for each in services if each.name == entry.value)
        path, why = (ready.value, "what its healthcheck asks") if ready.value != "tcp" else ("/", "a guess")
        look = DraftStep(name="look", method="GET", path=path)
        return Draft(
            system=normal(name or project.name or project.file.resolve().parent.name, otherwise="system"),
            source=project.file.name,
            entry=entry,
            runtime=RuntimeKind.COMPOSE,
            compose=compose,
            services=services,
            stores=stores,
            edges=tuple(self._edges()),
            journeys=(DraftJourney(name="look", steps=(look,), why=why),),
            remarks=tuple(sorted(self.remarks, key=lambda each: (each.place.file, each.place.line or 0))),
        )

    def _chosen(self, profiles: frozenset[str]) -> dict[str, Section]:
        """The services that stay up; of the others it is said why they are left out."""
        project = self._project
        ending = {
            name
            for section in project.services.values()
            for name, value in (section["depends_on"].children() if "depends_on" in section else ())
            if (condition := value.child("condition")) is not None and condition.content == _ENDS
        }
        kept = {}
        for name, section in project.services.items():
            its = [text for text, _ in texts(section.get("profiles"))]
            if name in ending:
                message = f"'{name}' is waited for until it ends ({_ENDS}): it is left out, since it doesn't stay up"
                self.remarks.append(project.places[name].problem(message))
            elif "network_mode" in section:
                self.remarks += unsupported.network_mode(name, section["network_mode"])
            elif its and not profiles & {*its}:
                message = f"'{name}' is started with the profile '{its[0]}' only: it is left out"
                remedy = f"add --profile {its[0]} to take it in"
                self.remarks.append(section["profiles"].problem(message, remedy))
            else:
                kept[name] = section
        if not kept:
            message = "no service of it stays up"
            raise DeclarationError([Problem(place=Place(file=str(project.file)), message=message)])
        return kept

    def _is_store(self, service: str) -> bool:
        return self._store_port(service) is not None

    def _store_port(self, service: str) -> int | None:
        section = self._kept[service]
        image = section.get("image")
        return store_port(str(image.content)) if image is not None and "build" not in section else None

    def _store(self, theirs: str) -> DraftStore:
        usual, used = self._store_port(theirs) or 0, self._ports_named(theirs)
        port = Reason(value=str(usual), why="the usual one of its image")
        if used and usual not in used:
            port = Reason(value=str(used[0]), why="by which its consumers name it")
        ours = self._names[theirs]
        return DraftStore(name=ours, compose=theirs if theirs != ours else None, port=port)

    def _service(self, theirs: str) -> DraftService:
        section, ours = self._kept[theirs], self._names[theirs]
        path = health_path(section)
        port = listens_at(section, self._project.settings[theirs], self._ports_named(theirs))
        ready = Reason(value=path, why="what its healthcheck asks") if path else None
        if port is None and not self._ports_named(theirs):
            message = f"nothing says at which port '{theirs}' listens: whether it is ready can't be seen from outside"
            remedy = (
                f"add `expose: [PORT]` to it, or `instances: [{{port: PORT}}]` in system.yaml, or take '{ours}' out"
            )
            self.remarks.append(self._project.places[theirs].problem(message, remedy))
        renamed = theirs if theirs != ours else None
        plain = DraftService(name=ours, compose=renamed, port=port)
        return plain if ready is None else DraftService(name=ours, compose=renamed, port=port, ready=ready)

    def _ports_named(self, theirs: str) -> list[int]:
        """The ports by which others name it, the most used first."""
        ports = [each.port for each in self._found if each.provider == theirs and each.port is not None]
        return sorted(dict.fromkeys(ports), key=ports.count, reverse=True)

    def _references(self) -> Iterator[_Found]:
        known = self._known_by()
        for consumer, section in self._kept.items():
            hosts = known | _links(section, self._kept)
            for setting, (value, place, how) in self._texts(consumer).items():
                for each in references(value, setting=setting):
                    if each.host == _OUTSIDE:
                        message = (
                            f"{setting} of '{consumer}' names {_OUTSIDE}: it is outside the project, and has no edge"
                        )
                        self.remarks.append(Problem(place=place, message=message))
                    provider = hosts.get(each.host.lower())
                    if provider is not None and provider != consumer:
                        yield _Found(consumer=consumer, provider=provider, port=each.port, why=how, place=place)

    def _known_by(self) -> dict[str, str]:
        """All names by which services are known to each other."""
        known = {}
        for name, section in self._kept.items():
            known[name.lower()] = name
            for key in ("container_name", "hostname"):
                if key in section:
                    known.setdefault(str(section[key].content).lower(), name)
            networks = section.get("networks")
            for _, network in networks.children() if networks else ():
                for alias, _ in texts(network.child("aliases")):
                    known.setdefault(alias.lower(), name)
        return known

    def _texts(self, service: str) -> dict[str, tuple[str, Place, str]]:
        """Setting or key → the text, where it stands, and how it is spoken of."""
        section = self._kept[service]
        found = {
            name: (setting.value, setting.place, name) for name, setting in self._project.settings[service].items()
        }
        for key in ("command", "entrypoint"):
            if key in section:
                joined = " ".join(text for text, _ in texts(section[key]))
                found[f" {key}"] = (joined, section[key].place, f"its {key}")
        return found

    def _edges(self) -> Iterator[DraftEdge]:
        depends = {name: _depends(section) for name, section in self._kept.items()}
        for consumer, section in self._kept.items():
            if self._is_store(consumer):
                continue
            named: dict[str, _Found] = {}
            for each in self._found:
                if each.consumer == consumer:
                    named.setdefault(each.provider, each)
            for provider in dict.fromkeys([*named, *depends[consumer]]):
                if provider not in self._kept or provider == consumer:
                    continue
                waits = provider in depends[consumer]
                if provider in named:
                    why = f"{named[provider].why} names it ({_short(named[provider].place)})"
                else:
                    why = f"depends_on only ({_short(section['depends_on'].place)}); nothing in it names '{provider}'"
                need = Need.HARD if waits or self._is_store(provider) else Need.SOFT
                yield DraftEdge(consumer=self._names[consumer], provider=self._names[provider], need=need, why=why)

    def _entry(self) -> Reason:
        services = [each for each in self._kept if not self._is_store(each)]
        called = {each.provider for each in self._found if each.consumer in services}
        called |= {name for each in services for name in _depends(self._kept[each])}
        open_ = [each for each in services if published(self._kept[each])]
        by_name = sorted(
            (each for each in open_ or services if _front(each) < len(_FRONT)),
            key=lambda each: (each in called, _front(each)),
        )
        uncalled = [each for each in open_ if each not in called]
        if len(open_) == 1:
            return Reason(value=self._names[open_[0]], why="the only service with a published port")
        if by_name:
            return Reason(value=self._names[by_name[0]], why="a guess, by its name")
        if uncalled:
            return Reason(value=self._names[uncalled[0]], why="a guess: it has a published port, and nobody calls it")
        return Reason(value=self._names[(open_ or services)[0]], why="a guess: the first one")


def _front(name: str) -> int:
    """How much a name sounds like an entry: the lower the more."""
    parts = set(re.split(r"[^a-z]+", name.lower()))
    return next((index for index, word in enumerate(_FRONT) if word in parts), len(_FRONT))


def _depends(section: Section) -> list[str]:
    value = section.get("depends_on")
    if value is None:
        return [name for name, _ in _link_pairs(section)]
    names = list(value.content) if isinstance(value.content, dict) else [text for text, _ in texts(value)]
    return [*names, *(name for name, _ in _link_pairs(section))]


def _link_pairs(section: Section) -> Iterator[tuple[str, str]]:
    for text, _ in texts(section.get("links")):
        name, _, alias = text.partition(":")
        yield name, alias or name


def _links(section: Section, known: Iterable[str]) -> dict[str, str]:
    return {alias.lower(): name for name, alias in _link_pairs(section) if name in known}


def _short(place: Place) -> str:
    return f"{Path(place.file).name}:{place.line}"


def _relative(file: Path, directory: Path) -> str:
    return Path(os.path.relpath(file.resolve(), directory.resolve())).as_posix()

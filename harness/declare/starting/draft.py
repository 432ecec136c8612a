"""What was found out about a system, before it is written down: the common ground of all sources."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import Problem
from harness.model.system import Need, RuntimeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A value that was guessed, and why; the reason becomes a comment."""

    value: str
    why: str


TCP = Reason(
    value="tcp", why="ready as soon as it takes a connection; a path such as /healthz that answers 2xx is better"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftService:
    """A service as it will be written."""

    name: str
    owner: str = "nobody-yet"
    command: tuple[str, ...] = ()
    compose: str | None = None
    """Its name in the compose file."""
    addresses: tuple[str, ...] = ()
    """Where it runs already."""
    port: Reason | None = None
    """The port that it listens on, where that is known and can't be chosen."""
    env: tuple[tuple[str, str], ...] = ()
    ready: Reason = TCP
    openapi: str | None = None
    remarks: tuple[str, ...] = ()
    """Comments above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftStore:
    """A store as it will be written."""

    name: str
    kind: str = "tcp"
    compose: str | None = None
    port: Reason | None = None
    databases: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftEdge:
    """An edge, and what it was guessed from."""

    consumer: str
    provider: str
    need: Need
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftStep:
    """One request of a journey."""

    name: str
    method: str
    path: str
    status: int = 200
    body: str | None = None
    """JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftJourney:
    """What a customer does."""

    name: str
    steps: tuple[DraftStep, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A whole system; `remarks` are for whoever asked for it, each at its place in the source."""

    system: str
    source: str
    """What it was made from, in words."""
    entry: Reason
    runtime: RuntimeKind
    compose: str | None = None
    """The compose file, relative to the description."""
    environment: Reason | None = None
    services: tuple[DraftService, ...]
    stores: tuple[DraftStore, ...] = ()
    edges: tuple[DraftEdge, ...] = ()
    journeys: tuple[DraftJourney, ...]
    remarks: tuple[Problem, ...] = ()

    def service(self, name: str) -> DraftService:
        """The service of that name; KeyError when there is none."""
        for each in self.services:
            if each.name == name:
                return each
        raise KeyError(name)

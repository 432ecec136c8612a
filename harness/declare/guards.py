"""Declared guards as values: what stops an experiment at once."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.declare.validate import nearest
from harness.declare.yaml import Document, Path_
from harness.errors import DeclarationError
from harness.model.declared import Declared
from harness.model.guard import (
    DEFAULT_EVERY,
    DEFAULT_SPAN,
    CommandGuard,
    EdgeGuard,
    FileGuard,
    Guard,
    JourneyGuard,
    SignalGuard,
)
from harness.model.quantity import Duration, Share
from harness.model.system import edge_name
from harness.model.topology import Topology

_KINDS = {
    "journey": {"bad", "p99", "within"},
    "edge": {"failing", "within"},
    "command": {"every"},
    "file": set[str](),
    "signal": set[str](),
}
"""The words for what a guard looks at, each with what may stand beside it."""


class GuardSpec(Declared):
    """A guard as it is written."""

    journey: str | None = None
    bad: Share | None = None
    p99: Duration | None = None
    edge: str | None = None
    failing: Share | None = None
    within: Annotated[Duration, Field(ge=1, le=60)] = DEFAULT_SPAN
    """How far it looks back."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    every: Annotated[Duration, Field(ge=0.5, le=60)] = DEFAULT_EVERY
    file: Annotated[str, Field(min_length=1)] | None = None
    signal: Literal["SIGUSR1", "SIGUSR2"] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        there = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(there) != 1:
            named = " and ".join(f"'{word}'" for word in there) or "none of them"
            message = f"a guard looks at one of {', '.join(_KINDS)}, found {named}"
            raise ValueError(message)
        (kind,) = there
        if strangers := self.model_fields_set - {kind} - _KINDS[kind]:
            message = f"'{min(strangers)}' does not go with '{kind}'"
            raise ValueError(message)
        if kind == "journey" and self.bad is None and self.p99 is None:
            message = "a guard on a journey needs 'bad' or 'p99'"
            raise ValueError(message)
        if kind == "edge" and self.failing is None:
            message = "a guard on an edge needs 'failing'"
            raise ValueError(message)
        return self


def guard_of(document: Document, at: Path_, spec: GuardSpec, topology: Topology, journeys: set[str]) -> Guard:
    """The guard; raises DeclarationError when it looks at what isn't there, or at what the load has none of."""
    if spec.journey is not None:
        if spec.journey not in journeys:
            message = f"the guard looks at the journey '{spec.journey}', which the load does not have"
            raise DeclarationError([document.problem((*at, "journey"), message, nearest(spec.journey, journeys))])
        return JourneyGuard(journey=spec.journey, bad=spec.bad, p99=spec.p99, span=spec.within)
    if spec.edge is not None:
        consumer, _, provider = (part.strip() for part in spec.edge.replace("→", "->").partition("->"))
        if edge_name(consumer, provider) not in topology.edges:
            message = f"the guard looks at an unknown edge '{spec.edge}'"
            remedy = nearest(edge_name(consumer, provider), topology.edges)
            raise DeclarationError([document.problem((*at, "edge"), message, remedy)])
        return EdgeGuard(consumer=consumer, provider=provider, failing=spec.failing or Share(0), span=spec.within)
    if spec.command is not None:
        return CommandGuard(command=spec.command, every=spec.every)
    return FileGuard(path=spec.file) if spec.file is not None else SignalGuard(signal=spec.signal or "SIGUSR1")

"""An experiment as it is written in Python: the words of the YAML form, as arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from harness.declare.experiment import read_experiment
from harness.declare.yaml import Document
from harness.errors import Place
from harness.faults import fault_table
from harness.model.experiment import Experiment
from harness.model.fault import FaultSpec
from harness.model.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What may stand among the injections: one of them, a sequence, or some in parallel."""

    content: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An experiment that was written down, and not yet held against a system."""

    content: Mapping[str, JsonValue]
    file: str
    line: int

    def resolve(self, topology: Topology) -> Experiment:
        """The experiment on a system; raises DeclarationError with every problem found."""
        place = Place(file=self.file, line=self.line)
        document = Document(file=self.file, content=dict(self.content), keys={(): place}, values={(): place})
        return read_experiment(document, topology, faults=fault_table(), source=str(place))


def injection(  # noqa: PLR0913 -- the words of an injection
    fault: FaultSpec | None,
    *,
    lasts: str,
    after: str = "0s",
    edge: str | None = None,
    instance: str | None = None,
    service: str | None = None,
    zone: str | None = None,
    share: float | None = None,
    only: Mapping[str, int] | None = None,
    partition: Mapping[str, JsonValue] | None = None,
) -> Wanted:
    """A fault, where, from when, how long: `injection(latency("1s"), edge="a->b", lasts="20s")`.

    A `partition` needs no fault.
    """
    attributes: dict[str, JsonValue] = {}
    if fault is not None:
        attributes = {"fault": fault.kind, **fault.model_dump(mode="json", exclude_defaults=True)}
    places: dict[str, JsonValue] = {
        "edge": edge,
        "instance": instance,
        "service": service,
        "zone": zone,
        "share": share,
        "only": None if only is None else dict(only),
        "partition": None if partition is None else dict(partition),
    }
    told = {name: value for name, value in places.items() if value is not None}
    return Wanted(content={**told, **attributes, "for": lasts, "after": after})


def sequence(*parts: Wanted, after: str = "0s") -> Wanted:
    """Injections one after the other."""
    return Wanted(content={"sequence": [dict(part.content) for part in parts], "after": after})


def parallel(*parts: Wanted, after: str = "0s") -> Wanted:
    """Injections side by side."""
    return Wanted(content={"parallel": [dict(part.content) for part in parts], "after": after})


def experiment(  # noqa: PLR0913 -- the words of an experiment
    name: str,
    hypothesis: str,
    *,
    injections: Sequence[Wanted],
    load: Mapping[str, JsonValue] | None = None,
    expect: Mapping[str, str] | None = None,
    during: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
    recover_within: str | None = None,
    blast_radius: Mapping[str, str] | None = None,
    guards: Sequence[Mapping[str, JsonValue]] = (),
) -> Draft:
    """An experiment; each argument means what the key of that name means in YAML."""
    parts: dict[str, JsonValue] = {
        "load": None if load is None else dict(load),
        "expect": None if expect is None else dict(expect),
        "during": None if during is None else dict(during),
        "after": None if after is None else dict(after),
        "recover_within": recover_within,
        "blast_radius": None if blast_radius is None else dict(blast_radius),
        "guards": [dict(guard) for guard in guards] or None,
    }
    content: dict[str, JsonValue] = {
        "experiment": name,
        "hypothesis": hypothesis,
        "injections": [dict(part.content) for part in injections],
        **{key: value for key, value in parts.items() if value is not None},
    }
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    file, line = (caller.f_code.co_filename, caller.f_lineno) if caller else ("<python>", 1)
    return Draft(content=content, file=file, line=line)

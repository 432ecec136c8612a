"""Where a declared fault acts: an edge, an instance, a service, a store, a zone, or what lies between two groups."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from harness.declare.exchanges import why_unreadable
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_
from harness.errors import DeclarationError
from harness.model.declared import Declared, Name
from harness.model.fault import EdgeTarget, FaultSpec, InstanceTarget, Target
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, Topology

PLACES = ("edge", "instance", "service", "zone", "partition")
"""The words for where a fault acts; each injection has one of them."""

ZONE = "zone:"
"""What the member of a group begins with that is a zone."""

LOST, ONE_WAY = "black-hole", "one-way"
"""What a partition does when no fault is named: nothing passes; or requests pass, and replies don't."""

ROUNDING = 1e-9


class Way(StrEnum):
    """Which way a partition lets nothing pass."""

    BOTH = "both"
    ONE_WAY = "one-way"
    """What the first group sends arrives; nothing comes back to it."""


class OnlySpec(Declared):
    """Limits a fault on an edge to one instance of its consumer or of its provider (counted from 1)."""

    consumer: Annotated[int, Field(ge=1)] | None = None
    provider: Annotated[int, Field(ge=1)] | None = None


class PartitionSpec(Declared):
    """Two groups that can't reach each other any more.

    A member is a service, a store, a cluster of stores, `customers`, an instance (`catalog-2`) or a `zone:b`.
    """

    between: tuple[tuple[str, ...], ...]
    direction: Annotated[Way, Field(strict=False)] = Way.BOTH


class AimSpec(Declared):
    """What goes wrong, and where, as it is written; the keys it doesn't know are the fault's own."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, populate_by_name=False)

    fault: str | None = None
    """Needed but for a partition, which by itself loses what is sent."""
    edge: str | None = None
    instance: str | None = None
    service: str | None = None
    zone: Name | None = None
    partition: PartitionSpec | None = None
    only: OnlySpec | None = None
    """Of an edge."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of the instances of a service or of a zone: so many of them, rounded down, the first ones.

    Beside an edge it is the fault's own: of the connections.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One fault in one place."""

    fault: FaultSpec
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """What one declaration comes to."""

    word: str
    """The fault's, for the ids of the injections."""
    aims: tuple[Aim, ...]
    single: bool
    """Whether an edge or an instance was named, so that there is one aim and no more."""


def aimed(
    document: Document, at: Path_, spec: AimSpec, topology: Topology, faults: Mapping[str, type[FaultSpec]]
) -> Aimed:
    """All places that a declaration means, told from the topology.

    Raises:
        DeclarationError: with file, line and column, when it names what isn't there, or hits nobody.
    """
    return _Reading(document=document, at=at, spec=spec, topology=topology, faults=faults).aimed()


def to_service(topology: Topology, name: str, kind: type[FaultSpec], *, share: float = 1.0) -> tuple[Target, ...]:
    """A service, a store or a cluster of stores, or a share of its instances; nothing when that is nobody.

    A fault to instances is one to each; a fault on edges is one on all edges that lead there.
    """
    every = _declared(topology, name)
    if share == 1.0 and kind.acts_on == "edge":
        every = topology.possible_of(name) or every
    return _at(topology, _first(every, share), kind)


def to_zone(topology: Topology, zone: str, kind: type[FaultSpec], *, share: float = 1.0) -> tuple[Target, ...]:
    """All instances of a zone, those of stores included, or a share of them; nothing when that is nobody."""
    return _at(topology, _first(_in_zone(topology, zone), share), kind)


def between(topology: Topology, consumers: Iterable[InstanceId], providers: Iterable[InstanceId]) -> Iterator[Target]:
    """The parts of edges by which some instances call others: whole edges where all of them do."""
    asking, asked = {each.name for each in consumers}, {each.name for each in providers}
    for edge in topology.edges.values():
        froms = _indexes(topology.possible_of(edge.consumer), asking)
        tos = _indexes(topology.possible_of(edge.provider), asked)
        for one, other in itertools.product(froms, tos):
            yield EdgeTarget(consumer=edge.consumer, provider=edge.provider, consumer_index=one, provider_index=other)


def _indexes(every: Sequence[InstanceId], meant: set[str]) -> Sequence[int | None]:
    indexes = [each.index for each in every if each.name in meant]
    return [None] if len(indexes) == len(every) else indexes


def _at(topology: Topology, instances: Iterable[InstanceId], kind: type[FaultSpec]) -> tuple[Target, ...]:
    if kind.acts_on == "instance":
        return tuple(InstanceTarget(service=each.service, index=each.index) for each in instances)
    return tuple(between(topology, _everybody(topology), instances))


def _first(instances: Sequence[InstanceId], share: float) -> Sequence[InstanceId]:
    return instances[: int(share * len(instances) + ROUNDING)]


def _everybody(topology: Topology) -> tuple[InstanceId, ...]:
    return (CUSTOMERS_INSTANCE, *topology.instances, *topology.standbys, *topology.store_instances)


def _in_zone(topology: Topology, zone: str) -> tuple[InstanceId, ...]:
    return tuple(each for each in (*topology.instances, *topology.store_instances) if each.zone == zone)


def _zones(topology: Topology) -> list[str]:
    return sorted({each.zone for each in (*topology.instances, *topology.store_instances)})


def _declared(topology: Topology, name: str) -> tuple[InstanceId, ...]:
    return topology.instances_of(name) or _cluster(topology, name)


def _cluster(topology: Topology, name: str) -> tuple[InstanceId, ...]:
    return tuple(each for each in topology.store_instances if topology.store(each.service).cluster == name)


def _services(topology: Topology) -> list[str]:
    clusters = [store.cluster for store in topology.system.stores.values() if store.cluster]
    return [*topology.system.services, *topology.system.stores, *dict.fromkeys(clusters)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One declaration, and what it is read by."""

    document: Document
    at: Path_
    spec: AimSpec
    topology: Topology
    faults: Mapping[str, type[FaultSpec]]

    def aimed(self) -> Aimed:
        spec = self.spec
        there = [word for word in PLACES if getattr(spec, word) is not None]
        if spec.partition is not None and there == ["partition"]:
            self._refuse_limits("partition")
            return self._partition(spec.partition)
        if spec.fault is None:
            raise self._error((), "'fault' is missing", "add it")
        if spec.fault not in self.faults:
            raise self._error(("fault",), f"unknown fault '{spec.fault}'", nearest(spec.fault, self.faults))
        kind = self.faults[spec.fault]
        targets = self._targets(there, kind)
        self._refuse_unreadable(there[0], targets, kind)
        own = {"share": spec.share} if spec.share is not None and there == ["edge"] else {}
        fault = self._fault(spec.fault, {**(spec.model_extra or {}), **own})
        aims = tuple(Aim(fault=fault, target=target) for target in targets)
        return Aimed(word=spec.fault, aims=aims, single=there in (["edge"], ["instance"]))

    def _error(self, path: Path_, message: str, remedy: str, *, key: bool = False) -> DeclarationError:
        return DeclarationError([self.document.problem((*self.at, *path), message, remedy, key=key)])

    def _fault(self, word: str, attributes: dict[str, JsonValue]) -> FaultSpec:
        return validated(self.document, self.faults[word], at=self.at, part=attributes)

    def _refuse_limits(self, place: str) -> None:
        for word, fits in (("only", ("edge",)), ("share", ("service", "zone"))):
            kind = self.faults.get(self.spec.fault or "")
            if word == "share" and place == "edge" and kind is not None and word in kind.model_fields:
                continue
            if getattr(self.spec, word) is not None and place not in fits:
                remedy = f"it goes with {' and '.join(fits)}; leave it out"
                raise self._error((word,), f"'{word}' does not go with '{place}'", remedy, key=True)

    def _refuse_unreadable(self, word: str, targets: Iterable[Target], kind: type[FaultSpec]) -> None:
        if found := why_unreadable(self.topology, targets, kind):
            raise self._error((word,), *found)

    def _targets(self, there: Sequence[str], kind: type[FaultSpec]) -> tuple[Target, ...]:
        own = kind.acts_on
        if len(there) != 1 or there[0] not in (own, "service", "zone"):
            example = "edge: consumer->provider" if own == "edge" else "instance: service-1"
            named = " and ".join(f"'{word}'" for word in there) or "no place"
            message = f"the fault '{self.spec.fault}' acts on an {own}, found {named}"
            raise self._error((), message, f"write '{example}', or 'service' or 'zone', and nothing beside it")
        self._refuse_limits(there[0])
        if self.spec.edge is not None:
            return (self._edge(self.spec.edge, self.spec.only or OnlySpec()),)
        if self.spec.instance is not None:
            return (self._instance(self.spec.instance),)
        if self.spec.service is not None:
            return self._many("service", self.spec.service, _services(self.topology), kind)
        return self._many("zone", self.spec.zone or "", _zones(self.topology), kind)

    def _many(self, word: str, name: str, known: Sequence[str], kind: type[FaultSpec]) -> tuple[Target, ...]:
        if name not in known:
            raise self._error((word,), f"the experiment names an unknown {word} '{name}'", nearest(name, known))
        expand, share = (to_service if word == "service" else to_zone), self.spec.share
        found = expand(self.topology, name, kind, share=1.0 if share is None else share)
        if found:
            return found
        count = len(_in_zone(self.topology, name) if word == "zone" else _declared(self.topology, name))
        if share is not None and int(share * count + ROUNDING) == 0:
            message = f"a share of {share:g} of the {count} instance(s) of '{name}' hits nobody"
            raise self._error(("share",), message, f"one of them is a share of {math.ceil(100 / count) / 100:g}")
        raise self._error((word,), f"no edge leads to '{name}'", "name a fault to instances, or what has callers")

    def _partition(self, partition: PartitionSpec) -> Aimed:
        where = ("partition", "between")
        if len(partition.between) != 2 or not all(partition.between):  # noqa: PLR2004 -- what a partition is
            found = " and ".join(str(len(group)) for group in partition.between) or "nothing"
            message = f"a partition is between two groups, found groups of {found}"
            raise self._error(where, message, "write 'between: [[one, another], [a-third]]'")
        left, right = (self._members((*where, side), group) for side, group in enumerate(partition.between))
        both = [each.name for each in left if each in right]
        if both:
            message = f"{', '.join(both)} would be on both sides of the partition"
            raise self._error(where, message, "each may be on one side only")
        there, back = tuple(between(self.topology, left, right)), tuple(between(self.topology, right, left))
        if not there and not back:
            one, other = (", ".join(group) for group in partition.between)
            message = f"no edge joins {one} with {other}, so nothing would be cut"
            raise self._error(where, message, f"edges are {', '.join(self.topology.edges)}")
        return self._one_way(there, back) if partition.direction is Way.ONE_WAY else self._both_ways((*there, *back))

    def _both_ways(self, targets: Sequence[Target]) -> Aimed:
        word = self.spec.fault or LOST
        if word not in self.faults or self.faults[word].acts_on != "edge":
            on_edges = [name for name, kind in self.faults.items() if kind.acts_on == "edge"]
            message = f"a partition takes a fault on edges, found '{word}'"
            raise self._error(("fault",), message, nearest(word, on_edges))
        self._refuse_unreadable("partition", targets, self.faults[word])
        fault = self._fault(word, dict(self.spec.model_extra or {}))
        return Aimed(word=word, aims=tuple(Aim(fault=fault, target=target) for target in targets), single=False)

    def _one_way(self, there: Sequence[Target], back: Sequence[Target]) -> Aimed:
        """Where the first group asks, the replies are lost; where it is asked, the requests are."""
        extra = self.spec.model_extra or {}
        if self.spec.fault is not None or extra:
            word = "fault" if self.spec.fault is not None else next(iter(extra))
            message = f"a partition that is one-way says by itself what is lost, and takes no '{word}'"
            raise self._error((word,), message, "leave it out", key=True)
        aims = [Aim(fault=self._no_replies(), target=target) for target in there]
        aims += [Aim(fault=self._fault(LOST, {"direction": "request"}), target=target) for target in back]
        return Aimed(word=ONE_WAY, aims=tuple(aims), single=False)

    def _no_replies(self) -> FaultSpec:
        return self._fault(ONE_WAY, {}) if ONE_WAY in self.faults else self._fault(LOST, {"direction": "reply"})

    def _members(self, path: Path_, group: Sequence[str]) -> tuple[InstanceId, ...]:
        found: dict[str, InstanceId] = {}
        for index, member in enumerate(group):
            members = _member(self.topology, member)
            if not members:
                known = [*_services(self.topology), *(each.name for each in _everybody(self.topology)), CUSTOMERS]
                known += [f"{ZONE}{zone}" for zone in _zones(self.topology)]
                message = f"the partition names an unknown member '{member}'"
                raise self._error((*path, index), message, nearest(member, known))
            found |= {each.name: each for each in members}
        return tuple(found.values())

    def _edge(self, text: str, only: OnlySpec) -> EdgeTarget:
        consumer, _, provider = (part.strip() for part in text.replace("→", "->").partition("->"))
        name = edge_name(consumer, provider)
        if name not in self.topology.edges:
            message = f"the experiment names an unknown edge '{text}'"
            raise self._error(("edge",), message, nearest(name, self.topology.edges))
        for side, end, index in (("consumer", consumer, only.consumer), ("provider", provider, only.provider)):
            count = 1 if end == CUSTOMERS else len(self.topology.instances_of(end))
            if index is not None and index > count:
                message = f"'{end}' has {count} instance(s), and no instance {index}"
                raise self._error(("only", side), message, "count from 1")
        return EdgeTarget(
            consumer=consumer, provider=provider, consumer_index=only.consumer, provider_index=only.provider
        )

    def _instance(self, text: str) -> InstanceTarget:
        known = {store.service: store for store in self.topology.store_instances}
        known |= {each.name: each for each in (*self.topology.store_instances, *self.topology.instances)}
        if text not in known:
            message = f"the experiment names an unknown instance '{text}'"
            raise self._error(("instance",), message, nearest(text, known))
        return InstanceTarget(service=known[text].service, index=known[text].index)


def _member(topology: Topology, member: str) -> Sequence[InstanceId]:
    if member.startswith(ZONE):
        return _in_zone(topology, member.removeprefix(ZONE))
    named = [each for each in _everybody(topology) if each.name == member and each != CUSTOMERS_INSTANCE]
    return topology.possible_of(member) or _cluster(topology, member) or named

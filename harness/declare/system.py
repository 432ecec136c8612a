"""The description of a system: from `system.yaml` to a topology proved sound."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from harness.declare.journeys import with_journeys
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.declared import OperationMark
from harness.model.system import CUSTOMERS, Edge, Need, RuntimeKind, Service, Store, StoreKind, System
from harness.model.topology import Topology

DESCRIPTION = "system.yaml"

_OPERATION = re.compile(r"[A-Z]+ /\S*")

LEAST_NODES = 3
"""Of a cluster: with fewer, there is no majority when one is down."""


def find_description(start: Path) -> Path:
    """The one description below a directory: `system.yaml` in it, or `targets/*/system.yaml`.

    Raises:
        DeclarationError: if there is none, or more than one.
    """
    if (start / DESCRIPTION).is_file():
        return start / DESCRIPTION
    found = sorted((start / "targets").glob(f"*/{DESCRIPTION}"))
    if len(found) == 1:
        return found[0]
    listed = ", ".join(str(path.relative_to(start)) for path in found)
    message = f"several systems are described ({listed})" if found else f"no {DESCRIPTION} here and none under targets/"
    raise DeclarationError([Problem(place=Place(file=str(start)), message=message, remedy="name one")])


def load_system(file: Path) -> Topology:
    """Read a description and prove it sound.

    Raises:
        DeclarationError: with every problem found, each at its place.
    """
    document = read_yaml(file)
    return with_journeys(resolve(document, validated(document, System), root=file.resolve().parent), document)


def with_tls(topology: Topology) -> Topology:
    """The same for a run with TLS; raises DeclarationError when no service of it can speak that."""
    if not any(service.tls for service in topology.system.services.values()):
        message = f"a run with TLS was asked for, but no service of '{topology.name}' is 'tls: true'"
        remedy = "see docs/system.md, or run it without"
        raise DeclarationError([Problem(place=Place(file=topology.root), message=message, remedy=remedy)])
    return replace(topology, tls=True)


def resolve(document: Document, system: System, *, root: Path) -> Topology:
    """Join what the description names; raises DeclarationError as `load_system`."""
    problems = [*_names(document, system), *_edges(document, system), *_journeys(document, system)]
    problems += [*_stores(document, system), *_clusters(document, system), *_ports(document, system)]
    problems += [*_scaling(document, system), *_runs(document, system), *_marks(document, system)]
    if problems:
        raise DeclarationError(problems)
    return Topology(system=system, root=str(root), start_order=_start_order(document, system))


def _names(document: Document, system: System) -> Iterator[Problem]:
    for name in sorted(system.services.keys() & system.stores.keys()):
        yield document.problem(("stores", name), f"'{name}' is a service already", "rename one", key=True)
    for part in ("services", "stores"):
        if CUSTOMERS in getattr(system, part):
            message = f"'{CUSTOMERS}' are the users of the system"
            yield document.problem((part, CUSTOMERS), message, "rename it", key=True)
    if system.entry not in system.services:
        remedy = nearest(system.entry, system.services)
        yield document.problem(("entry",), f"the entry '{system.entry}' is no service", remedy)
    elif system.services[system.entry].tls:
        message = f"the entry '{system.entry}' can't be 'tls: true': customers come to it by plain HTTP"
        remedy = "remove it: the customers' TLS is the business of an ingress before the entry"
        yield document.problem(("services", system.entry, "tls"), message, remedy)


def _edges(document: Document, system: System) -> Iterator[Problem]:
    ends = {*system.services, *system.stores}
    seen: set[str] = set()
    for index, edge in enumerate(system.edges):
        if edge.consumer not in system.services:
            remedy = nearest(edge.consumer, system.services)
            message = f"the edge {edge.label} starts at an unknown service '{edge.consumer}'"
            yield document.problem(("edges", index, "from"), message, remedy)
        if edge.provider not in ends:
            message = f"the edge {edge.label} ends at an unknown service or store '{edge.provider}'"
            yield document.problem(("edges", index, "to"), message, nearest(edge.provider, ends))
        if edge.consumer == edge.provider:
            yield document.problem(("edges", index), f"the edge {edge.label} joins a service to itself", "remove it")
        if edge.name in seen:
            yield document.problem(("edges", index), f"the edge {edge.label} stands here twice", "remove one")
        seen.add(edge.name)


def _journeys(document: Document, system: System) -> Iterator[Problem]:
    known = {*system.services, *system.stores}
    for name, journey in system.journeys.items():
        for key, names in (("needs", journey.needs), ("usable_without", journey.usable_without)):
            for index, used in enumerate(names):
                if used not in known:
                    message = f"the journey '{name}' names an unknown service or store '{used}'"
                    yield document.problem(("journeys", name, key, index), message, nearest(used, known))
        for both in sorted({*journey.needs} & {*journey.usable_without}):
            message = f"the journey '{name}' can't both need '{both}' and be usable without it"
            yield document.problem(("journeys", name), message, "keep one")


def _stores(document: Document, system: System) -> Iterator[Problem]:
    for name, store in system.stores.items():
        if store.databases and store.kind is StoreKind.REDIS:
            message = f"'databases' go with postgres and nats, '{name}' is {store.kind}"
            yield document.problem(("stores", name, "databases"), message, "remove them", key=True)
        for index, owner in enumerate(store.databases):
            if owner not in system.services:
                message = f"the database '{owner}' belongs to an unknown service"
                yield document.problem(("stores", name, "databases", index), message, nearest(owner, system.services))
        if store.divided:
            for index, edge in enumerate(system.edges):
                if edge.provider == name and edge.consumer not in store.databases:
                    message = f"the edge {edge.label} leads to a store without a database for '{edge.consumer}'"
                    yield document.problem(("edges", index), message, f"add it to stores.{name}.databases")


def _clusters(document: Document, system: System) -> Iterator[Problem]:
    nodes = Counter(store.cluster for store in system.stores.values())
    first: dict[str, str] = {}
    for name, store in system.stores.items():
        if store.cluster is None:
            continue
        at = ("stores", name, "cluster")
        if store.kind is not StoreKind.NATS:
            message = f"'cluster' goes with nats only, '{name}' is {store.kind}"
            yield document.problem(at, message, "remove it", key=True)
        elif nodes[store.cluster] < LEAST_NODES:
            message = f"the cluster '{store.cluster}' has {nodes[store.cluster]} node(s), and needs {LEAST_NODES}"
            yield document.problem(at, message, "a majority must be left when one is down: add nodes")
        other = first.setdefault(store.cluster, name)
        if {*store.databases} != {*system.stores[other].databases}:
            message = f"'{name}' and '{other}' are nodes of one cluster, and their 'databases' differ"
            yield document.problem(("stores", name), message, "give both the same")


def _scaling(document: Document, system: System) -> Iterator[Problem]:
    called = {edge.provider for edge in system.edges}
    for name, service in system.services.items():
        if service.scaling is None:
            continue
        at, declared = ("services", name, "scaling"), len(service.instances)
        if service.scaling.most < declared:
            message = f"'most' is {service.scaling.most}, and {declared} instances of '{name}' are declared"
            yield document.problem((*at, "most"), message, "declare fewer, or allow more")
        if name == system.entry:
            message = f"the entry '{name}' can't be scaled: customers know its declared instances only"
            yield document.problem(at, message, "declare as many as it needs", key=True)
        elif name not in called:
            message = f"no edge leads to '{name}', so nobody can tell how many requests it gets"
            yield document.problem(at, message, "declare the edge, or remove it", key=True)


def _runs(document: Document, system: System) -> Iterator[Problem]:
    """Whether everything says what its runtime needs to know of it."""
    started = system.runtime in (RuntimeKind.PROCESS, RuntimeKind.NAMESPACES)
    parts: list[tuple[Path_, Service | Store]] = [(("services", name), each) for name, each in system.services.items()]
    parts += [(("stores", name), each) for name, each in system.stores.items()]
    for path, each in parts:
        embedded = isinstance(each, Store) and each.kind is not StoreKind.TCP
        if isinstance(each, Store) and embedded and each.run is not None:
            message = f"'run' goes with 'kind: tcp'; {each.kind} is run by the harness itself"
            yield document.problem((*path, "run"), message, "remove it, or the kind", key=True)
        elif started and each.run is None and not embedded:
            message = f"the runtime '{system.runtime}' starts '{path[-1]}', and nothing says how"
            yield document.problem(path, message, "add run: {command: [...]}", key=True)
        elif system.runtime is RuntimeKind.ATTACH and each.attach is None:
            message = f"'{path[-1]}' runs already, and nothing says where"
            yield document.problem(path, message, "add attach: {addresses: [...]}", key=True)


def _marks(document: Document, system: System) -> Iterator[Problem]:
    for name, mark in system.degraded.operations.items():
        at: Path_ = ("degraded", "operations", name)
        if not _OPERATION.fullmatch(name):
            message = f"expected a method and a path, as in 'GET /products/{{sku}}', found '{name}'"
            yield document.problem(at, message, key=True)
        elif mark == OperationMark():
            message = f"nothing says how a degraded answer of '{name}' is marked"
            yield document.problem(at, message, "add 'header', 'json' or 'differs: true'", key=True)


def _ports(document: Document, system: System) -> Iterator[Problem]:
    if system.runtime is not RuntimeKind.PROCESS:  # each has an address of its own
        return
    fixed: list[tuple[Path_, int]] = [
        (("services", name, "instances", index, "port"), instance.port)
        for name, service in system.services.items()
        for index, instance in enumerate(service.instances)
        if instance.port is not None
    ]
    fixed += [(("stores", name, "port"), store.port) for name, store in system.stores.items() if store.port is not None]
    counts = Counter(port for _, port in fixed)
    for path, port in fixed:
        if counts[port] > 1:
            yield document.problem(path, f"the port {port} is given to {counts[port]} instances", "give each its own")


def _start_order(document: Document, system: System) -> tuple[tuple[str, ...], ...]:
    hard = [edge for edge in system.edges if edge.need is Need.HARD]
    sorter: TopologicalSorter[str] = TopologicalSorter({name: set() for name in (*system.stores, *system.services)})
    for edge in hard:
        sorter.add(edge.consumer, edge.provider)
    try:
        sorter.prepare()
    except CycleError as error:
        raise DeclarationError([_cycle(document, system.edges, error.args[1])]) from error
    waves = []
    while sorter.is_active():
        ready = sorter.get_ready()
        waves.append(tuple(sorted(ready)))
        sorter.done(*ready)
    return tuple(waves)


def _cycle(document: Document, edges: tuple[Edge, ...], cycle: list[str]) -> Problem:
    around = [*reversed(cycle)]
    names = {edge.name: index for index, edge in enumerate(edges)}
    steps = [f"{consumer}->{provider}" for consumer, provider in pairwise(around)]
    index = next(names[step] for step in steps if step in names)
    message = f"a cycle of hard edges: {' → '.join(around)}"
    return document.problem(("edges", index), message, "no service of it can start first: make one edge soft")

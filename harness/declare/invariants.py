"""Invariants: `chaos/invariants.yaml`, checked against a topology."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, read_yaml
from harness.errors import DeclarationError, Problem
from harness.model.invariant import Invariants
from harness.model.topology import Topology

INVARIANTS = "invariants.yaml"


def load_invariants(directory: Path, topology: Topology) -> Invariants:
    """The invariants of a content folder; none when it has no such file.

    Raises:
        DeclarationError: with every problem found.
    """
    file = directory / INVARIANTS
    if not file.exists():
        return Invariants()
    document = read_yaml(file)
    invariants = validated(document, Invariants)
    problems = list(_problems(document, invariants, topology))
    if problems:
        raise DeclarationError(problems)
    return invariants


def _problems(document: Document, invariants: Invariants, topology: Topology) -> Iterator[Problem]:
    services = topology.system.services
    for name, read in invariants.reads.items():
        if read.service not in services:
            message = f"the read '{name}' asks an unknown service '{read.service}'"
            yield document.problem(("reads", name, "service"), message, nearest(read.service, services))
    for index, invariant in enumerate(invariants.invariants):
        for key in ("service", "caller"):
            named = getattr(invariant, key, None)
            if named is not None and named not in services:
                message = f"the invariant '{invariant.name}' names an unknown service '{named}'"
                yield document.problem(("invariants", index, key), message, nearest(named, services))

"""A part of the shop, in a directory of its own: some services once each, with the content that fits them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

CONTENT = ("targets", "chaos", "contracts", "loadtests")
TWICE = ("catalog",)
"""Those of which there are two, so that one can be gone around."""
Document = dict[str, Any]


def part_of(
    root: Path, to: Path, services: Sequence[str], *, experiments: Sequence[str], env: Mapping[str, Mapping[str, str]]
) -> Path:
    """Copy the suite from `root` and cut it down to these services and experiments.

    `env` adds to the environment of single services.
    """
    for folder in CONTENT:
        shutil.copytree(root / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = to / "targets" / "shop" / "system.yaml"
    part = cut(yaml.safe_load(file.read_text(encoding="utf-8")), services)
    for name, more in env.items():
        part["services"][name]["env"] |= more
    file.write_text(yaml.safe_dump(part, sort_keys=False), encoding="utf-8")
    for pact in (to / "contracts" / "pacts").glob("*.json"):
        if pact.stem.partition("-")[2] not in services:
            pact.unlink()
    _keep_invariants(to / "chaos" / "invariants.yaml", services)
    fuzzing = to / "contracts" / "fuzz.yaml"
    settings = yaml.safe_load(fuzzing.read_text(encoding="utf-8"))
    settings["services"] = {name: each for name, each in settings["services"].items() if name in services}
    fuzzing.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    for experiment in (to / "chaos" / "experiments").glob("*.yaml"):
        if experiment.stem not in experiments:
            experiment.unlink()
    return file


def cut(whole: Document, services: Sequence[str]) -> Document:
    """The description of these services and of the stores they use; edges to others fall away, and what needs them."""
    edges = [
        edge for edge in whole["edges"] if edge["from"] in services and edge["to"] in {*services, *whole["stores"]}
    ]
    used = {edge["to"] for edge in edges}
    clusters = {store.get("cluster") for name, store in whole["stores"].items() if name in used} - {None}
    stores = {
        name: store for name, store in whole["stores"].items() if name in used or store.get("cluster") in clusters
    }
    for store in stores.values():
        if "databases" in store:
            store["databases"] = [name for name in store["databases"] if name in services]
    described = {name: dict(whole["services"][name]) for name in services}
    for name, service in described.items():
        known = {edge["to"] for edge in edges if edge["from"] == name}
        service["env"] = {key: value for key, value in service["env"].items() if _mentioned(value) <= known}
        service.pop("scaling", None)
        instances = service.pop("instances", None)
        if instances and name in TWICE:
            service["instances"] = instances[:2]
    journeys = {name: journey for name, journey in whole["journeys"].items() if _served(journey, described, stores)}
    for journey in journeys.values():
        for key in ("needs", "usable_without"):
            journey[key] = [name for name in journey[key] if name in described or name in stores]
    return whole | {"services": described, "stores": stores, "edges": edges, "journeys": journeys}


def _mentioned(value: str) -> set[str]:
    """The providers whose edges an environment variable tells of."""
    return {rest.split(".")[1] for rest in value.split("{edge")[1:]}


def _served(journey: Document, services: Document, stores: Document) -> bool:
    """A journey can be made when all that it needs is there; under load, checkout does without a look at the cart."""
    without = {"cart"} if "orders" in services else set()
    return set(journey["needs"]) <= {*services, *stores, *without}


def _keep_invariants(file: Path, services: Sequence[str]) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    reads = {name: read for name, read in document["reads"].items() if read["service"] in services}
    kept = [each for each in document["invariants"] if _reads(each) <= reads.keys() and _speaks_of(each) <= {*services}]
    file.write_text(yaml.safe_dump(document | {"reads": reads, "invariants": kept}, sort_keys=False), encoding="utf-8")


def _speaks_of(invariant: Document) -> set[str]:
    """The services that it holds to account."""
    return {invariant[key] for key in ("service", "caller") if key in invariant}


def _reads(node: object) -> set[str]:
    """The reads that an invariant, or a part of it, is judged by."""
    match node:
        case dict():
            own = {node["read"]} if "read" in node else set()
            return own.union(*(_reads(each) for each in node.values()))
        case list():
            return set().union(*(_reads(each) for each in node))
        case _:
            return set()

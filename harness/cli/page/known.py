"""What may be broken, and by what, as the page's forms offer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from harness.declare.targets import ZONE
from harness.engine.by_hand import MATCHING
from harness.model.experiment import Experiment
from harness.model.fault import FaultSpec
from harness.model.topology import Topology

Told = dict[str, JsonValue]

MOST_TOLD = 10_000
"""Beyond, a limit is nothing that one is likely to hit."""

OF_MATCHING = {
    "method": "only exchanges of this method, as GET",
    "path": "only exchanges of these paths, as /orders/*",
    "share": "of the exchanges, from 0 to 1",
    "seed": "of the chance in it",
}


def places(topology: Topology) -> Told:
    """All targets, by what kind of thing they are."""
    every = (*topology.instances, *topology.store_instances)
    lines = [each.name for each in topology.lines if "customers" not in each.consumer.name]
    return {
        "edges": [
            {"name": name, "need": edge.need.value, "protocol": topology.protocol(edge)}
            for name, edge in topology.edges.items()
        ],
        "lines": [name for name in lines if name not in topology.edges],
        "instances": [{"name": each.name, "zone": each.zone, "owner": topology.owner(each.service)} for each in every],
        "zones": [f"{ZONE}{zone}" for zone in sorted({each.zone for each in every})],
    }


def faults_told(faults: Mapping[str, type[FaultSpec]]) -> list[JsonValue]:
    """Each fault with what it takes, in the order in which the command line takes it."""
    return [
        {
            "name": name,
            "on": kind.acts_on,
            "says": " ".join((kind.__doc__ or "").partition("\n\n")[0].split()),
            "takes": list(_fields(kind)),
        }
        for name, kind in faults.items()
    ]


def experiments_told(experiments: Iterable[Experiment]) -> list[JsonValue]:
    """Each experiment with what it does."""
    return [
        {
            "name": each.name,
            "says": each.hypothesis,
            "does": [f"{one.describe()}, from {one.after} on for {one.lasts}" for one in each.injections],
            "length_s": each.fault_s,
        }
        for each in experiments
    ]


def _fields(kind: type[FaultSpec]) -> Iterable[JsonValue]:
    schema = kind.model_json_schema()
    own = vars(kind).get("__annotations__", {})
    required = set(schema.get("required", ()))
    for name in sorted(kind.model_fields, key=lambda each: each not in own):
        field = schema["properties"].get(name, {})
        if name == "match":
            for each, hint in OF_MATCHING.items():
                if each in MATCHING:
                    yield {"name": each, "choices": [], "default": "", "needed": False, "hint": hint}
        elif field.get("type") != "object":  # no command line takes one either
            yield {
                "name": name,
                "choices": _choices(field, schema.get("$defs", {})),
                "default": _default(field.get("default")),
                "needed": name in required,
                "hint": _hint(field),
            }


def _default(value: JsonValue) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(field: Mapping[str, JsonValue], parts: Mapping[str, Mapping[str, JsonValue]]) -> list[JsonValue]:
    reference = str(field.get("$ref", "")).rpartition("/")[2]
    found = field.get("enum") or parts.get(reference, {}).get("enum") or []
    if field.get("type") == "boolean":
        return ["false", "true"]
    return [str(each) for each in found] if isinstance(found, list) else []


def _hint(field: Mapping[str, JsonValue]) -> str:
    if "(us|ms|s|" in str(field.get("pattern", "")):
        return "with its unit: 250 ms, 2 s"
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if isinstance(low, int | float) and isinstance(high, int | float) and high <= MOST_TOLD:
        return f"{low:g} to {high:g}"
    return f"from {low:g} on" if isinstance(low, int | float) else ""

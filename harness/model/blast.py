"""What an experiment touches, and the most that it may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.fault import EdgeTarget, Injection, InstanceTarget, Target
from harness.model.quantity import Share
from harness.model.system import CUSTOMERS
from harness.model.topology import InstanceId, LineId, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """The most that an experiment may touch, of the instances (stores included) and of the zones."""

    instances: Share | None = None
    zones: Share | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What an experiment touches, by name."""

    instances: tuple[str, ...]
    """Those that are stopped, frozen or pressed; of a fault on an edge, those whose calls it meets."""
    of_instances: int
    lines: tuple[str, ...]
    zones: tuple[str, ...]
    of_zones: int

    def beyond(self, radius: BlastRadius) -> tuple[str, ...]:
        """How it touches more than it may; nothing when it doesn't."""
        parts = (
            ("instances", self.instances, self.of_instances, radius.instances),
            ("zones", self.zones, self.of_zones, radius.zones),
        )
        return tuple(
            f"it would touch {len(names)} of {count} {what} ({', '.join(names)}), and at most {most} may be"
            for what, names, count, most in parts
            if most is not None and len(names) > most * count + 1e-9
        )


def touched(topology: Topology, injections: Iterable[Injection]) -> Touched:
    """What some injections touch."""
    targets = list(dict.fromkeys(injection.target for injection in injections))
    everybody = (*topology.instances, *topology.store_instances)
    lines = [line for line in topology.lines if any(is_hit(line, target) for target in targets)]
    met = {each for target in targets for each in _met(target, lines, everybody)}
    instances = [each for each in everybody if each in met]
    zones = sorted({each.zone for each in instances})
    return Touched(
        instances=tuple(each.name for each in instances),
        of_instances=len(everybody),
        lines=tuple(line.name for line in lines),
        zones=tuple(zones),
        of_zones=len({each.zone for each in everybody}),
    )


def is_hit(line: LineId, target: Target) -> bool:
    """Whether a fault on the target acts on a line: for an instance, on all that lead to it."""
    match target:
        case EdgeTarget():
            return (
                line.edge == target.edge
                and target.consumer_index in {None, line.consumer.index}
                and target.provider_index in {None, line.provider.index}
            )
        case InstanceTarget():
            return (line.provider.service, line.provider.index) == (target.service, target.index)


def _met(target: Target, lines: Iterable[LineId], everybody: Sequence[InstanceId]) -> Iterable[InstanceId]:
    if isinstance(target, InstanceTarget):
        return [each for each in everybody if (each.service, each.index) == (target.service, target.index)]
    hit = [line for line in lines if is_hit(line, target)]
    return [line.provider if target.consumer == CUSTOMERS else line.consumer for line in hit]

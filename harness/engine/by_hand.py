"""Faults that somebody puts on a standing system by hand, each with an end of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import yaml
from pydantic import ValidationError

from harness.clock import Clock
from harness.declare.exchanges import why_unreadable
from harness.declare.targets import ZONE, to_zone
from harness.declare.validate import nearest
from harness.engine.permission import ability_for, permit
from harness.errors import HarnessError
from harness.model.events import Event, InjectionArmed, InjectionHealed
from harness.model.fault import (
    AT_ONCE,
    Armed,
    EdgeTarget,
    FaultSpec,
    Healed,
    Injection,
    InstanceTarget,
    Target,
)
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS
from harness.model.topology import Topology

MOST_IN_FORCE = 50
LONGEST_S = 3600.0
"""Who wants a fault for longer asks again."""
VALUE_CHARACTERS = 200
MATCHING = ("method", "path", "share", "seed")
"""What tells which exchanges a fault in them means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody typed: `orders->payments`, `latency`, its attributes, for how long."""

    target: str
    fault: str
    attributes: Mapping[str, str]
    lasts_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An injection that is in force, and when it ends by itself."""

    injection: Injection
    until: dt.datetime

    def __str__(self) -> str:
        """As it is listed: `orders → payments under latency 2 s, until 16:58:10 UTC`."""
        return f"{self.injection.describe()}, until {self.until:%H:%M:%S} UTC"


class Injecting(Protocol):
    """What arms faults and takes them back."""

    async def inject(self, injection: Injection) -> Armed:
        """Arm it, read it back, and probe that it bites."""
        ...

    async def heal(self, injection_id: str, /) -> Healed:
        """Take it back, whatever became of it."""
        ...


def read_injection(topology: Topology, asked: Asked, *, faults: Mapping[str, type[FaultSpec]], name: str) -> Injection:
    """What was typed, as an injection.

    Raises:
        HarnessError: when there is no such fault, edge or instance, or an attribute is wrong; says what there is.
    """
    kind, fault = _read_fault(asked, faults)
    edge = "->" in asked.target.replace("→", "->")
    if edge != (kind.acts_on == "edge"):
        example = "'consumer->provider'" if kind.acts_on == "edge" else "'service-1'"
        raise HarnessError(
            f"the fault {asked.fault!r} acts on an {kind.acts_on} such as {example}, found {asked.target!r}"
        )
    target: Target = _edge(topology, asked.target) if edge else _instance(topology, asked.target)
    if found := why_unreadable(topology, [target], kind):
        raise HarnessError("; ".join(found))
    return Injection(id=name, fault=fault, target=target, lasts=Duration(asked.lasts_s))


def read_injections(
    topology: Topology, asked: Asked, *, faults: Mapping[str, type[FaultSpec]]
) -> tuple[Injection, ...]:
    """As `read_injection`, also for a zone; their names are for others to give."""
    if not asked.target.startswith(ZONE):
        return (read_injection(topology, asked, faults=faults, name=""),)
    kind, fault = _read_fault(asked, faults)
    zone = asked.target.removeprefix(ZONE).strip()
    known = sorted({each.zone for each in (*topology.instances, *topology.store_instances)})
    if zone not in known:
        raise HarnessError(f"expected a zone of {topology.name}, found {zone!r}; {nearest(zone, known)}")
    targets = to_zone(topology, zone, kind)
    if not targets:
        raise HarnessError(f"no edge leads into the zone {zone!r}; name a fault that acts on an instance")
    if found := why_unreadable(topology, targets, kind):
        raise HarnessError("; ".join(found))
    lasts = Duration(asked.lasts_s)
    return tuple(Injection(id="", fault=fault, target=target, lasts=lasts) for target in targets)


def _read_fault(asked: Asked, faults: Mapping[str, type[FaultSpec]]) -> tuple[type[FaultSpec], FaultSpec]:
    if asked.fault not in faults:
        raise HarnessError(f"expected a fault of {', '.join(faults)}; found {asked.fault!r}")
    if not 0 < asked.lasts_s <= LONGEST_S:
        raise HarnessError(f"expected it to last longer than 0 s and at most {LONGEST_S:g} s, found {asked.lasts_s:g}")
    kind = faults[asked.fault]
    return kind, _fault(kind, asked.attributes)


def _fault(kind: type[FaultSpec], attributes: Mapping[str, str]) -> FaultSpec:
    own = vars(kind).get("__annotations__", {})
    matching = MATCHING if "match" in kind.model_fields else ()
    fields = sorted(kind.model_fields, key=lambda name: name not in own)  # what it inherits comes last
    known = [*(name for name in fields if name != "match"), *matching]
    values: dict[str, object] = {}
    for name, text in attributes.items():
        key = name.replace("-", "_") or (known[0] if known else "")
        if key not in known:
            takes = f"takes {', '.join(known)}" if known else "takes nothing more"
            raise HarnessError(f"the fault {kind.kind!r} {takes}; found {name or text!r}")
        if key in values:
            raise HarnessError(f"the fault {kind.kind!r} is told its {key!r} twice")
        values[key] = _scalar(text)
    match = {name: values.pop(name) for name in matching if name in values}
    try:
        return kind.model_validate({**values, "match": match} if match else values)
    except ValidationError as error:
        wrong = "; ".join(_in_words(each["loc"], each["msg"]) for each in error.errors())
        raise HarnessError(f"the fault {kind.kind!r}: {wrong}") from error


def _in_words(where: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"{where[0]}: {said}" if where else said


def _scalar(text: str) -> object:
    """A value as it would be read from an experiment."""
    if len(text) > VALUE_CHARACTERS:
        raise HarnessError(f"expected a value of at most {VALUE_CHARACTERS} characters, found {len(text)}")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return value if isinstance(value, int | float | str) else text


def _edge(topology: Topology, text: str) -> EdgeTarget:
    """`orders->payments`, or only between some of their instances: `orders-2->payments-1`."""
    consumer, _, provider = (part.strip() for part in text.replace("→", "->").partition("->"))
    ends = [_numbered(topology, end) for end in (consumer, provider)]
    (consumer, from_index), (provider, to_index) = ends
    target = EdgeTarget(consumer=consumer, provider=provider, consumer_index=from_index, provider_index=to_index)
    if target.edge not in topology.edges:
        remedy = nearest(target.edge, topology.edges)
        raise HarnessError(f"expected an edge of {topology.name}, found {text!r}; {remedy}")
    return target


def _numbered(topology: Topology, end: str) -> tuple[str, int | None]:
    if end == CUSTOMERS or end in topology.system.services or end in topology.system.stores:
        return end, None
    name, _, number = end.rpartition("-")
    if number.isdigit() and int(number) in {each.index for each in topology.possible_of(name)}:
        return name, int(number)
    return end, None


def _instance(topology: Topology, text: str) -> InstanceTarget:
    every = (*topology.instances, *topology.store_instances)
    for each in every:
        alone = each.service == text and len(topology.instances_of(text)) == 1
        if each.name == text or alone:
            return InstanceTarget(service=each.service, index=each.index)
    known = [each.name for each in every]
    remedy = nearest(text, known)
    raise HarnessError(f"expected an instance of {topology.name}, found {text!r}; {remedy}")


async def all_are_well() -> list[str]:
    """No proxy needs to be put right."""
    return []


class ByHand:
    """The faults that were put on one standing system by hand. What ends it must `heal_all` first."""

    def __init__(  # noqa: PLR0913 -- each is a thing of its own
        self,
        topology: Topology,
        injector: Injecting,
        *,
        faults: Mapping[str, type[FaultSpec]],
        clock: Clock,
        now: Callable[[], float],
        tell: Callable[[Event], None],
        proxies: Callable[[], Awaitable[list[str]]] = all_are_well,
    ) -> None:
        self._topology = topology
        self._injector = injector
        self._faults = faults
        self._clock = clock
        self._now = now
        self._tell = tell
        self.put_right = proxies
        """Starts the proxies that are dead or hang anew, and gives their names; raises ProxyError."""
        self._numbers = itertools.count(1)
        self._held: dict[str, Held] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._healed: dict[str, asyncio.Future[Healed]] = {}

    @property
    def in_force(self) -> tuple[Held, ...]:
        """What was put on and is not known to be off, in its order."""
        return tuple(self._held.values())

    async def inject(self, asked: Asked) -> tuple[Held, Armed, Healed | None]:
        """Put a fault on; it ends by itself. One that does not bite is taken back at once, which is told too.

        Raises:
            HarnessError: when it makes no sense, or may not be done to this system; then nothing was touched.
        """
        return await self.put(read_injection(self._topology, asked, faults=self._faults, name=""))

    async def inject_all(self, asked: Asked) -> list[tuple[Held, Armed, Healed | None]]:
        """The same, also for `zone:a`, which means everything in a zone, at the same time.

        Raises:
            HarnessError: as `inject`; when one of them could not be put on, the others were taken back.
        """
        injections = read_injections(self._topology, asked, faults=self._faults)
        if len(self._held) + len(injections) > MOST_IN_FORCE:
            raise HarnessError(f"{asked.target} means {len(injections)} faults; at most {MOST_IN_FORCE} are let in")
        found = await asyncio.gather(*map(self.put, injections), return_exceptions=True)
        put = [each for each in found if not isinstance(each, BaseException)]
        failed = [each for each in found if isinstance(each, BaseException)]
        if failed:
            await asyncio.gather(*(self.heal(held.injection.id) for held, _, healed in put if healed is None))
            raise failed[0]
        return put

    async def put(self, injection: Injection) -> tuple[Held, Armed, Healed | None]:
        """As `inject`, for what was read already; it gets a name of its own, and begins now."""
        if len(self._held) >= MOST_IN_FORCE:
            raise HarnessError(f"{len(self._held)} faults are in force, and no more are let in: harness heal")
        name = f"by-hand-{next(self._numbers)}"
        injection, lasts_s = replace(injection, id=name, after=AT_ONCE), float(injection.lasts)
        await asyncio.to_thread(permit, self._topology, [ability_for(injection)])
        until = self._clock.wall() + dt.timedelta(seconds=lasts_s)
        held = self._held[name] = Held(injection=injection, until=until)
        self._healed[name] = asyncio.get_running_loop().create_future()
        try:
            armed = await self._injector.inject(injection)
        except HarnessError:
            del self._held[name], self._healed[name]
            raise
        what = injection.describe()
        self._tell(InjectionArmed(t=self._now(), experiment="", injection=name, what=what, armed=armed))
        if not armed.in_force:
            return held, armed, await self.heal(name)
        if name not in self._held:  # somebody was quicker
            return held, armed, None
        self._ends[name] = asyncio.create_task(self._end(name, lasts_s))
        return held, armed, None

    async def heal(self, name: str) -> Healed:
        """Take one back; it stays listed when not even the last rung did it."""
        held = self._held.get(name)
        healed = await self._injector.heal(name)
        if held is None:
            return healed
        self._tell(
            InjectionHealed(t=self._now(), experiment="", injection=name, what=held.injection.describe(), healed=healed)
        )
        waiting = self._healed.pop(name, None)
        if waiting is not None:
            waiting.set_result(healed)
        if not healed.verified:
            self._healed[name] = asyncio.get_running_loop().create_future()
        elif self._held.pop(name, None) is not None:
            task = self._ends.pop(name, None)
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        return healed

    async def heal_all(self) -> list[tuple[Held, Healed]]:
        """Take everything back: instances first, so that the lines to them can answer."""
        found: list[tuple[Held, Healed]] = []
        for kind in (InstanceTarget, EdgeTarget):
            these = [held for held in self.in_force if isinstance(held.injection.target, kind)]
            healed = await asyncio.gather(*(self.heal(held.injection.id) for held in these))
            found += zip(these, healed, strict=True)
        return found

    async def until_healed(self, name: str) -> Healed | None:
        """Wait until its healing was tried, whoever does it; None when it is off already."""
        future = self._healed.get(name)
        return await asyncio.shield(future) if future is not None else None

    async def close(self) -> None:
        """No end comes any more; call it when everything is healed, or will be."""
        for task in self._ends.values():
            task.cancel()
        await asyncio.gather(*self._ends.values(), return_exceptions=True)

    async def _end(self, name: str, lasts_s: float) -> None:
        await self._clock.sleep(lasts_s)
        await self.heal(name)

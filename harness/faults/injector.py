"""Arms faults so that they are known to bite, and heals them by a ladder that cannot hang."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.clock import Clock
from harness.errors import HarnessError, ProxyError
from harness.faults.record import Record, Step
from harness.faults.spec import ANSWER_WITHIN_S, EdgeFault, InstanceFault, Instances
from harness.model.fault import Armed, EdgeTarget, Healed, HealedBy, Hits, Injection, InstanceTarget
from harness.proxy.line import Line
from harness.proxy.mesh import Mesh
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.waiting import all_of

ARM_WITHIN_S = 5.0
REMOVE_WITHIN_S = 0.4
"""For the first rung. Toxiproxy needs some milliseconds; when it stalls, it stalls for seconds."""
RESTART_WITHIN_S = 15.0
MEND_WITHIN_S = 70.0
"""A bit longer than an instance gets to become ready, so that it is told why it did not."""
ANSWERS_WITHIN_S = 2.0
"""How long a healed line gets to answer again."""
ASK_AGAIN_AFTER_S = 0.05
LINES_SHOWN = 3
COUNT_WITHIN_S = 2.0
"""How long what crossed may take to be told; no healing waits for it."""
KEY_LIMIT = 100
"""Characters; a longer id goes into the names of toxics as its digest."""


@dataclass(slots=True)
class Standing:
    """An injection that was asked for and not yet taken back, and what came of it."""

    injection: Injection
    armed: Armed | None = None
    on_at: float | None = None
    """When it was read back as on."""
    crossed: Mapping[str, Hits] | None = None
    """What had crossed each of its lines when it was in force; None when nothing counts that."""
    healing: bool = False
    """Its healing began, so it is not known to be in force: whoever injects it again, arms it again."""

    @property
    def key(self) -> str:
        """What the names of its toxics begin with; one key is never the beginning of another."""
        name = re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", self.injection.id)
        if len(name) > KEY_LIMIT:
            name = hashlib.sha256(name.encode()).hexdigest()
        return f"{name}:"


class Injector:
    """All injections of a run.

    Args:
        mesh: the lines that edge faults act on.
        instances: those that instance faults act on.
        clock: the run's.
        record: the write-ahead file.
        permitted: raises HarnessError for what may not be done to this system.
    """

    def __init__(
        self,
        mesh: Mesh,
        instances: Instances,
        *,
        clock: Clock,
        record: Path,
        permitted: Callable[[Injection], None] = lambda _injection: None,
    ) -> None:
        self._mesh = mesh
        self._instances = instances
        self._clock = clock
        self._record = Record(record)
        self._permitted = permitted
        self._standing: dict[str, Standing] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def in_force(self) -> tuple[Injection, ...]:
        """What was armed (or tried) and not yet taken back, in the order of arming."""
        return tuple(standing.injection for standing in self._standing.values())

    async def inject(self, injection: Injection, on: Callable[[], None] = lambda: None) -> Armed:
        """Arm a fault on all that its target means, read it back, and probe that it bites.

        An injection that is in force already is left as it is. One that does not bite is `in_force=False`
        and still to be healed. `on` is called when it is read back as on, and only the probing is left to do.

        Raises:
            HarnessError: when the fault does not act on such a target, there is no such edge or instance, it may
                not be done, or it can't be written down; then nothing was touched.
        """
        self._permitted(injection)
        self._lines(injection)
        async with self._lock(injection):
            known = self._standing.get(injection.id)
            if known is not None and known.armed is not None and not known.healing:
                return known.armed
            standing = Standing(injection)
            began = self._clock.now()
            self._record.note(began, "arm", injection)
            self._standing[injection.id] = standing
            try:
                bites, evidence = await self._arm(standing, on)
            except (HarnessError, TimeoutError) as error:
                bites, evidence = False, f"could not be armed: {_words(error)}"
            took_s = self._clock.now() - began
            standing.crossed = standing.crossed if bites else None
            evidence = self._noted("armed", injection, evidence)
            on_s = None if standing.on_at is None else standing.on_at - began
            standing.armed = Armed(in_force=bites, evidence=evidence, took_s=took_s, on_s=on_s)
            return standing.armed

    async def heal(self, injection_id: str) -> Healed:
        """Take a fault back; never raises for one that is healed already.

        When not even the last rung did it, `verified` is false and the injection stays in force.
        """
        standing = self._standing.get(injection_id)
        if standing is None:
            return _nothing(injection_id)
        injection = standing.injection
        async with self._lock(injection):
            if injection_id not in self._standing:
                return _nothing(injection_id)
            began = self._clock.now()
            self._noted("heal", injection)
            counting = asyncio.create_task(self._hits(standing))
            await asyncio.sleep(0)  # so that the relay hears of it before anything is taken off
            standing.healing = True
            try:
                healed = await self._heal(standing, began)
            except (HarnessError, TimeoutError) as error:
                evidence = f"could not be healed: {_words(error)}"
                took_s = self._clock.now() - began
                healed = Healed(verified=False, by=HealedBy.NOTHING, evidence=evidence, took_s=took_s)
            except BaseException:
                counting.cancel()
                raise
            healed = replace(healed, hits=await counting)
            if healed.verified:
                del self._standing[injection_id]
                healed = replace(healed, evidence=self._noted("healed", injection, healed.evidence))
            return healed

    async def hits(self, injection_id: str) -> Hits | None:
        """What met a fault so far; None when it is not in force, or nothing counts that."""
        standing = self._standing.get(injection_id)
        return None if standing is None else await self._hits(standing)

    async def heal_all(self) -> list[Healed]:
        """Take everything back: instances first, so that the lines to them can answer."""
        found: list[Healed] = []
        for kind in (InstanceTarget, EdgeTarget):
            ids = [injection.id for injection in self.in_force if isinstance(injection.target, kind)]
            found += await all_of(self.heal(each) for each in ids)
        return found

    def _noted(self, step: Step, injection: Injection, evidence: str = "") -> str:
        """Write down what was done; gives the evidence, and why not: a full disk must not keep a fault from healing."""
        try:
            self._record.note(self._clock.now(), step, injection, evidence)
        except HarnessError as error:
            return f"{evidence}; {error}"
        return evidence

    def _lock(self, injection: Injection) -> asyncio.Lock:
        """One for each Toxiproxy server, since healing may restart it, and one for each instance."""
        target = injection.target
        return self._locks[f"server {target.consumer}" if isinstance(target, EdgeTarget) else str(target)]

    def _lines(self, injection: Injection) -> tuple[Line, ...]:
        match injection.fault, injection.target:
            case EdgeFault(), EdgeTarget() as target:
                return self._mesh.lines(target)
            case InstanceFault(), InstanceTarget() as target:
                return self._mesh.lines_to(target)
            case fault, target:
                expected = f"an {fault.acts_on} for the fault {fault.kind!r}"
                raise HarnessError(f"expected {expected}, found {target} in injection {injection.id!r}")

    async def _arm(self, standing: Standing, on: Callable[[], None]) -> tuple[bool, str]:
        injection = standing.injection
        lines = self._lines(injection)
        match injection.fault, injection.target:
            case EdgeFault() as fault, _:
                async with asyncio.timeout(ARM_WITHIN_S):
                    read = await all_of(fault.arm(line, standing.key) for line in lines)
                await self._begin(standing, on)
                shown = [line for line in lines if not line.hidden]
                if not shown:
                    return False, f"every provider of {injection.target} is dead, so nothing can bite there"
                looks = await all_of(fault.look(line) for line in shown)
                return _evidence(shown, looks, read[0])
            case InstanceFault() as fault, InstanceTarget() as target:
                await all_of(line.meet() for line in lines)
                async with asyncio.timeout(fault.strike_within_s):
                    done = await fault.strike(self._instances, target)
                await self._begin(standing, on)
                if not lines:
                    return True, f"{done}; no line leads to it"
                return _evidence(lines, await all_of(fault.look(line) for line in lines), done)
        raise HarnessError(f"nobody knows how to arm {injection.fault!r}")

    async def _begin(self, standing: Standing, on: Callable[[], None]) -> None:
        """It was read back as on: what crosses from now on met it."""
        standing.on_at = self._clock.now()
        standing.crossed = await self._crossed(standing)
        on()

    async def _heal(self, standing: Standing, began: float) -> Healed:
        injection = standing.injection
        match injection.fault, injection.target:
            case EdgeFault() as fault, EdgeTarget(consumer=consumer):
                return await self._heal_edge(standing, fault, consumer, began)
            case InstanceFault() as fault, InstanceTarget() as target:
                async with asyncio.timeout(MEND_WITHIN_S):
                    told = await fault.mend(self._instances, target)
                    ready = await self._instances.ready(target)
                answers, seen = await self._answer(standing, self._mesh.lines_to(target))
                evidence = f"{told + '; ' if told else ''}{target} is {'' if ready else 'not '}ready; {seen}"
                took_s = self._clock.now() - began
                return Healed(verified=ready and answers, by=fault.healed_by, evidence=evidence, took_s=took_s)
        raise HarnessError(f"nobody knows how to heal {injection.fault!r}")

    async def _heal_edge(self, standing: Standing, fault: EdgeFault, consumer: str, began: float) -> Healed:
        lines = self._lines(standing.injection)
        by, why = HealedBy.REMOVED, ""
        also_cut: tuple[str, ...] = ()
        problem = await self._disarm(standing, fault, lines)
        answers, seen = (False, problem) if problem else await self._answer(standing, lines)
        if problem or (not answers and await self._providers_answer(lines)):
            why = f"after {seen}: "
            async with asyncio.timeout(RESTART_WITHIN_S):
                await self._mesh.relay_right()
                names = await self._mesh.restart(consumer)
            mine = {line.name for line in lines}
            by, also_cut = HealedBy.RESTARTED, tuple(name for name in names if name not in mine)
            answers, seen = await self._answer(standing, lines)
        evidence = f"{why}read back as off; {seen}"
        took_s = self._clock.now() - began
        return Healed(verified=answers, by=by, evidence=evidence, took_s=took_s, also_cut=also_cut)

    async def _crossed(self, standing: Standing) -> Mapping[str, Hits] | None:
        """What crossed its lines so far; None when nothing counts that, or does not say so in time."""
        try:
            async with asyncio.timeout(COUNT_WITHIN_S):
                return await self._mesh.crossed(self._lines(standing.injection))
        except (HarnessError, TimeoutError):
            return None

    async def _hits(self, standing: Standing) -> Hits | None:
        """What met it; nothing that is refused is seen by anyone."""
        injection, before = standing.injection, standing.crossed
        if before is None or not injection.fault.passes_traffic:
            return None
        now = await self._crossed(standing)
        if now is None:
            return None
        met = {name: count.since(before[name]) for name, count in now.items()}
        if isinstance(injection.fault, EdgeFault):
            try:
                async with asyncio.timeout(COUNT_WITHIN_S):
                    for line in self._lines(injection):
                        met[line.name] = await injection.fault.met(line, standing.key, met[line.name])
            except (HarnessError, TimeoutError):
                return None
        return sum(met.values(), Hits())

    async def _disarm(self, standing: Standing, fault: EdgeFault, lines: Sequence[Line]) -> str:
        """The first rung; gives why it failed, or nothing."""
        try:
            async with asyncio.timeout(REMOVE_WITHIN_S):
                await all_of(fault.disarm(line, standing.key, within_s=REMOVE_WITHIN_S) for line in lines)
        except TimeoutError:
            return f"Toxiproxy did not take it off within {REMOVE_WITHIN_S:g} s"
        except ProxyError as error:
            return str(error)
        return ""

    async def _answer(self, standing: Standing, lines: Sequence[Line]) -> tuple[bool, str]:
        """Whether all lines that nothing else is the matter with answer again, and what was seen."""
        free = [line for line in lines if not line.hidden and not self._touched(line, standing)]
        if not free:
            return True, "not probed, since no line leads there, or its provider is dead, or something else is in force"
        seen = await all_of(self._until_answered(line) for line in free)
        worst = [each for each in seen if each.outcome is not Outcome.ANSWERED] or seen
        return worst[0].outcome is Outcome.ANSWERED, str(worst[0])

    async def _until_answered(self, line: Line) -> Seen:
        """Ask twice at least: what a provider's queue had no room for hangs, though it answers the next one."""
        deadline, asked = self._clock.now() + ANSWERS_WITHIN_S, 0
        while True:
            seen = await line.probe(Question(within_s=ANSWER_WITHIN_S))
            asked += 1
            if seen.outcome is Outcome.ANSWERED or (asked > 1 and self._clock.now() >= deadline):
                return seen
            await self._clock.sleep(ASK_AGAIN_AFTER_S)

    async def _providers_answer(self, lines: Sequence[Line]) -> bool:
        asked: list[Awaitable[Seen]] = [
            line.probe_provider(Question(within_s=ANSWER_WITHIN_S)) for line in lines if not line.hidden
        ]
        return all(seen.outcome is Outcome.ANSWERED for seen in await all_of(asked))

    def _touched(self, line: Line, standing: Standing) -> bool:
        """Whether another injection is in force on a line, or on its provider; one that did not heal excuses none."""
        standings = self._standing.values()
        others = [other.injection for other in standings if other is not standing and not other.healing]
        return any(line in self._lines(injection) for injection in others)


def _evidence(lines: Sequence[Line], looks: Sequence[tuple[bool, str]], done: str) -> tuple[bool, str]:
    """All must bite; what did not is shown first."""
    rows = sorted(zip(lines, looks, strict=True), key=lambda row: row[1][0])
    shown = [f"{line.name} {seen}" for line, (_bites, seen) in rows[:LINES_SHOWN]]
    more = [f"and {len(rows) - LINES_SHOWN} lines more"] if len(rows) > LINES_SHOWN else []
    return all(bites for bites, _seen in looks), "; ".join([done, *shown, *more])


def _nothing(injection_id: str) -> Healed:
    evidence = f"no injection {injection_id!r} is in force"
    return Healed(verified=True, by=HealedBy.NOTHING, evidence=evidence, took_s=0.0)


def _words(error: BaseException) -> str:
    return str(error) or "it took too long"

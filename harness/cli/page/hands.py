"""What somebody at the page has put on: faults by hand, those of an experiment, and their end when nobody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from harness.clock import Clock
from harness.engine.by_hand import Asked, ByHand, Held
from harness.errors import HarnessError
from harness.model.experiment import Experiment
from harness.model.fault import Armed, Healed, Injection
from harness.model.quantity import Duration

ABSENT_S = 90.0
"""A page that was not heard for so long is closed. One in the background is let ask once a minute by its browser."""

Told = dict[str, str | bool | float]


class Hands:
    """The hands of those who have the page open; what they put on is taken back when all of them have gone."""

    def __init__(self, by_hand: ByHand, *, clock: Clock, note: Callable[[str], None]) -> None:
        self._by_hand = by_hand
        self._clock = clock
        self._note = note
        self._own: set[str] = set()
        self._experiment: tuple[str, asyncio.Task[None]] | None = None
        self._seen = clock.now()

    def look(self) -> None:
        """Somebody has the page open."""
        self._seen = self._clock.now()

    @property
    def in_force(self) -> tuple[Held, ...]:
        """Everything, whoever has put it on."""
        return self._by_hand.in_force

    @property
    def experiment(self) -> str:
        """The one whose faults are being put on; empty when there is none."""
        return self._experiment[0] if self._experiment and not self._experiment[1].done() else ""

    async def inject(self, asked: Asked) -> list[Told]:
        """Put a fault on, or one in each place of a zone; raises HarnessError as `ByHand.inject`."""
        self.look()
        # It is not given up halfway when the page is gone.
        found = await asyncio.shield(asyncio.ensure_future(self._by_hand.inject_all(asked)))
        self._own.update(held.injection.id for held, _, _ in found)
        return [_armed(held, armed, healed) for held, armed, healed in found]

    async def heal(self, name: str) -> list[Told]:
        """Take one back, or all of them and what an experiment had still to do; raises HarnessError."""
        self.look()
        if name and name not in {each.injection.id for each in self.in_force}:
            raise HarnessError(f"nothing of the name {name[:50]!r} is in force: it may have healed by itself")
        return await asyncio.shield(asyncio.ensure_future(self._one(name) if name else self._all()))

    def begin(self, experiment: Experiment) -> None:
        """Put on the faults of an experiment, each in its time; raises HarnessError when there is one already."""
        self.look()
        if self.experiment:
            raise HarnessError(f"{self.experiment} is under way: heal everything, or wait for its end")
        self._note(f"the faults of {experiment.name} are put on by hand, under the load that there is: no verdict")
        task = asyncio.create_task(self._conduct(experiment), name=f"by hand: {experiment.name}")
        self._experiment = (experiment.name, task)

    async def tick(self) -> None:
        """Once in a while: take back what was put on here when everybody has gone."""
        mine = [each.injection.id for each in self.in_force if each.injection.id in self._own]
        if self._clock.now() - self._seen > ABSENT_S and (mine or self.experiment):
            self._note(f"nobody has had the page open for {ABSENT_S:g} s: what was put on there is healed")
            await self._stop_experiment()
            await asyncio.gather(*map(self._by_hand.heal, mine))

    async def close(self) -> None:
        """Everything is taken back, and nothing more is put on."""
        await self._stop_experiment()
        await self._by_hand.heal_all()

    async def _one(self, name: str) -> list[Told]:
        held = next((each for each in self.in_force if each.injection.id == name), None)
        return [_healed(held.injection, await self._by_hand.heal(name))] if held else []

    async def _all(self) -> list[Told]:
        await self._stop_experiment()
        await self._by_hand.put_right()
        return [_healed(held.injection, healed) for held, healed in await self._by_hand.heal_all()]

    async def _stop_experiment(self) -> None:
        if self._experiment is not None:
            self._experiment[1].cancel()
            await asyncio.gather(self._experiment[1], return_exceptions=True)
            self._experiment = None

    async def _conduct(self, experiment: Experiment) -> None:
        await asyncio.gather(*map(self._in_time, experiment.injections))
        await self._clock.sleep(max((float(each.lasts) for each in _last(experiment.injections)), default=0.0))

    async def _in_time(self, injection: Injection) -> None:
        await self._clock.sleep(float(injection.after))
        try:
            held, _, _ = await asyncio.shield(asyncio.ensure_future(self._by_hand.put(injection)))
        except HarnessError as error:
            self._note(f"{injection.describe()} was not put on: {error}")
        else:
            self._own.add(held.injection.id)


def _last(injections: Iterable[Injection]) -> list[Injection]:
    """Those that begin last."""
    found = list(injections)
    latest = max((each.after for each in found), default=Duration(0))
    return [each for each in found if each.after == latest]


def _armed(held: Held, armed: Armed, healed: Healed | None) -> Told:
    what = held.injection.describe()
    return {
        "id": held.injection.id,
        "what": what,
        "good": armed.in_force,
        "says": f"{what} {'is in force' if armed.in_force else 'DID NOT BITE'} after {armed.took_s:.2f} s"
        + (" and was taken back" if healed else ""),
        "evidence": armed.evidence,
    }


def _healed(injection: Injection, healed: Healed) -> Told:
    words = f"is healed ({healed.by})" if healed.verified else "is NOT HEALED"
    what = injection.describe()
    return {
        "id": injection.id,
        "what": what,
        "good": healed.verified,
        "says": f"{what} {words} after {healed.took_s:.2f} s",
        "evidence": healed.evidence,
    }

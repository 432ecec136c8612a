"""The page of one load run: what it shows, and what can be done from it, from before the load until after its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.cli.controlling import Control
from harness.cli.opened import Opened, of_session
from harness.cli.page.hands import Hands, Told
from harness.cli.page.known import experiments_told, faults_told, places
from harness.cli.page.locusts import Locusts
from harness.cli.page.series import Series
from harness.cli.page.told import Told as Events
from harness.clock import Clock, SystemClock
from harness.declare import load_experiments
from harness.engine.by_hand import Asked
from harness.engine.load_steering import STEEPEST, Steering
from harness.engine.session import Session
from harness.errors import HarnessError
from harness.faults import fault_table
from harness.load.driver import LoadDriver
from harness.model.events import Event
from harness.model.experiment import Experiment
from harness.model.load_events import Observed
from harness.model.quantity import Duration
from harness.model.topology import Topology

TICK_S = 0.5
LINGER_S = 60.0
"""How long it stays after the end without anybody who looks at it."""
VALUES_LIMIT = 20
"""Attributes of a fault."""
UNBREAKABLE = (
    "Only addresses were named (--host): the harness knows of no edges, and has no proxies on them to put a fault on. "
    "To break something, describe the system (`harness init` writes a first system.yaml), and load that: "
    "harness load path/to/system.yaml --ui"
)
"""Why hosts that were named can only be loaded, and what to do."""


class Page:
    """Looks on; see `harness.engine.load_run.Onlooker`."""

    def __init__(self, topology: Topology, *, described: bool = True, clock: Clock | None = None) -> None:
        self._topology = topology
        self._described = described
        self._clock = clock or SystemClock()
        self.steering = Steering(topology)
        self.locusts: Locusts | None = None
        """Locust's own pages, while there is load."""
        self.report: Path | None = None
        """When it is written."""
        self._verdict = ""
        self._faults = fault_table()
        self._experiments: tuple[Experiment, ...] = ()
        self._unreadable = ""
        self._series = Series()
        self._events = Events()
        self._session: Session | None = None
        self._opened: Opened | None = None
        self._control: Control | None = None
        self._hands: Hands | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._seen = self._clock.now()

    async def join(self, session: Session, driver: LoadDriver) -> None:
        """See `Onlooker`; from now on faults may be put on, from a terminal too."""
        self._session = session
        for event in session.recorder.events:
            self._hear(event)
        session.recorder.listen(self._hear)
        if self._described:
            self._read_experiments(session)
        self.locusts = Locusts(await driver.show())
        self._opened = of_session(session, self._faults)
        self._hands = Hands(self._opened.by_hand, clock=session.clock, note=session.recorder.note)
        self._control = await Control.open(self._opened.by_hand, session.directory)
        self._opened.standing().write()
        self._ticking = asyncio.create_task(self._tick(self._opened, self._hands), name="page")

    async def leave(self) -> None:
        """See `Onlooker`."""
        hands, self._hands = self._hands, None
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        if hands is not None:
            await hands.close()
        if self._control is not None:
            await self._control.close()
            self._control = None
        if self._opened is not None:
            self._opened.standing().forget()
            self._opened = None
        if self.locusts is not None:
            locusts, self.locusts = self.locusts, None
            await locusts.close()

    def end(self, verdict: str, report: Path) -> None:
        """The run is judged, and its report written."""
        self._verdict, self.report = verdict, report
        self.look()

    async def linger(self) -> None:
        """Come back when nobody has looked for a while."""
        while self._clock.now() - self._seen < LINGER_S:
            await self._clock.sleep(TICK_S)

    def look(self) -> None:
        """Somebody has the page open."""
        self._seen = self._clock.now()
        if self._hands is not None:
            self._hands.look()

    @property
    def rate(self) -> float:
        """Journeys a second that are asked for now."""
        return self.steering.rate_at(self._session.now()) if self._session else 0.0

    @property
    def host(self) -> str:
        """Where customers enter, as Locust tells it."""
        return self._opened.deployment.entry_urls()[0] if self._opened and self._hands else ""

    def state(self, *, revision: int, number: int) -> dict[str, Any]:
        """What is so now, with the seconds and the events that are new to whoever asks."""
        self.look()
        session, plan = self._session, self.steering.plan
        now = session.now() if session else 0.0
        return {
            "now": now,
            "phase": self._phase(),
            "part": plan.under_way.phase.name if plan else "",
            "left_s": max(plan.end - now, 0.0) if plan else 0.0,
            "rate": self.rate,
            "users": self.steering.users,
            "revision": self._series.revision,
            "seconds": self._series.since(revision),
            "whole": self._series.whole if self.report is None else int(now),
            "lately": self._series.lately(now),
            "events": list(self._events.after(number)),
            "windows": self._events.windows,
            "in_force": self._in_force(),
            "experiment": self._hands.experiment if self._hands else "",
            "instances": self._instances(),
            "verdict": self._verdict,
            "report": self.report is not None,
        }

    def known(self) -> dict[str, Any]:
        """What does not change: the places, the faults, the experiments."""
        return {
            "system": self._topology.name,
            "run": self._session.run if self._session else "",
            "ready": self._session is not None,
            "faults": faults_told(self._faults),
            "experiments": experiments_told(self._experiments),
            "unreadable": self._unreadable,
            "unbreakable": "" if self._described else UNBREAKABLE,
            **places(self._topology),
        }

    async def inject(self, said: Mapping[str, Any]) -> list[Told]:
        """Put a fault on; raises HarnessError, in the words of `harness inject`."""
        return await self._breaking().inject(_asked(said))

    async def heal(self, said: Mapping[str, Any]) -> list[Told]:
        """Take one back, or all; raises HarnessError."""
        return await self._at_work().heal(_text(said, "injection"))

    def begin(self, said: Mapping[str, Any]) -> None:
        """Put on the faults of an experiment; raises HarnessError."""
        hands, name = self._breaking(), _text(said, "experiment")
        for each in self._experiments:
            if each.name == name:
                hands.begin(each)
                return
        known = ", ".join(each.name for each in self._experiments) or "none"
        raise HarnessError(f"expected an experiment of {self._topology.name}: {known}; found {name!r}")

    def steer(self, said: Mapping[str, Any]) -> None:
        """Another rate; raises HarnessError."""
        if not _text(said, "rate"):
            raise HarnessError("expected a rate, in journeys a second; 0 stops the load")
        self.steering.want(_number(said, "rate", 0.0), _number(said, "slope", STEEPEST))

    def _breaking(self) -> Hands:
        if not self._described:
            raise HarnessError(UNBREAKABLE)
        return self._at_work()

    def _at_work(self) -> Hands:
        if self._hands is None:
            why = "is over" if self._verdict or self._session else "has not begun yet: the system is brought up"
            raise HarnessError(f"the load {why}")
        return self._hands

    def _phase(self) -> str:
        if self.report is not None:
            return "ended"
        if self._session is None:
            return "starting"
        return "running" if self._hands is not None else "ending"

    def _in_force(self) -> list[dict[str, str]]:
        return [
            {
                "id": each.injection.id,
                "what": each.injection.describe(),
                "place": getattr(each.injection.target, "edge", str(each.injection.target)),
                "until": each.until.isoformat(),
            }
            for each in (self._hands.in_force if self._hands else ())
        ]

    def _instances(self) -> list[dict[str, str]]:
        if self._opened is None or self._hands is None:
            return []
        deployment = self._opened.deployment
        return [{"name": each.name, "state": deployment.state(each).value} for each in deployment.instances]

    def _hear(self, event: Event) -> None:
        if isinstance(event, Observed):
            self._series.hear(event.journeys)
            self._series.told(event.generator)
        else:
            self._events.hear(event)

    def _read_experiments(self, session: Session) -> None:
        try:
            directory = session.content("chaos") / "experiments"
            self._experiments = load_experiments(directory, self._topology, faults=self._faults)
        except HarnessError as error:
            self._unreadable = str(error)

    async def _tick(self, opened: Opened, hands: Hands) -> None:
        """What a terminal is told by `harness ps`, what is asked of each second, and who is gone."""
        standing, asked = opened.standing(), -1
        while True:
            await self._clock.sleep(TICK_S)
            if self._session is not None and (second := int(self._session.now())) > asked:
                self._series.ask(second, self.steering.rate_at(second + 0.5))
                asked = second
            if (now := opened.standing()) != standing:
                standing = now
                standing.write()
            await hands.tick()


def _asked(said: Mapping[str, Any]) -> Asked:
    attributes = said.get("attributes", {})
    if not isinstance(attributes, dict) or len(attributes) > VALUES_LIMIT:
        raise HarnessError(f"expected at most {VALUES_LIMIT} attributes by their names")
    try:
        lasts_s = float(Duration.parse(_text(said, "lasts")))
    except ValueError as error:
        raise HarnessError(f"for how long: {error}") from error
    return Asked(
        target=_text(said, "target"),
        fault=_text(said, "fault"),
        attributes={str(name): _text(attributes, name) for name in attributes},
        lasts_s=lasts_s,
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise HarnessError(f"expected {name} to be text, found {str(value)[:50]!r}")
    return value.strip()


def _number(said: Mapping[str, Any], name: str, otherwise: float) -> float:
    text = _text(said, name)
    try:
        return float(text) if text else otherwise
    except ValueError:
        raise HarnessError(f"expected {name} to be a number, found {text[:50]!r}") from None

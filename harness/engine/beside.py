"""Looks at what else has the machine's processors, from window to window."""

from __future__ import annotations

import os

from harness.checkers.company import crowded
from harness.engine.session import Session
from harness.model.neighbours import Company
from harness.model.observation import WindowKind
from harness.model.system import RuntimeKind
from harness.observe.company import ENGINE, MachineSeen, company_between, machine_seen
from harness.observe.standing import watch

NOT_OURS = "the system ran already, so nobody knows which processes are its own"
ELSEWHERE = "the containers' processes are not of this machine, so nobody knows what is theirs"
NO_LOOK = "this machine does not tell what its processes use (there is no /proc)"

QUIET_S = 5.0
"""So long others must have left the machine alone before something is asked again."""
QUIET_WITHIN_S = 120.0
"""Who is there for longer than that is waited for no more."""
MOMENT_S = 1.0
"""Looks at hundreds of processes take some milliseconds, and cells of the matrix tenths of a second."""


class Beside:
    """What this process and the system have, told apart from what all others have."""

    def __init__(self, session: Session) -> None:
        self.neighbours = session.neighbours
        self._session = session
        self._last: MachineSeen | None = None
        self._told = False

    def begin(self) -> None:
        """From now on."""
        self._last = self._look()

    def begin_about_now(self) -> None:
        """As `begin`, unless that was a moment ago: where one thing follows another quickly, a look costs more."""
        if self._last is None or self._session.now() - self._last.t >= MOMENT_S:
            self.begin()

    def until_now(self, window: WindowKind) -> Company:
        """Who had the processors since the last look; what comes next is counted from now on."""
        before, after = self._last, self._look()
        self._last = after
        if before is None or after is None:
            return _unknown(window, NO_LOOK)
        roots, why = self._roots({pid for pid, _ in after.processes})
        if why:
            return _unknown(window, why)
        compose = self._session.topology.system.runtime is RuntimeKind.COMPOSE
        return company_between(before, after, window, roots=roots, nobodys=ENGINE if compose else ())

    async def quiet(self) -> None:
        """Return once others leave this machine alone; or after two minutes, if they do not."""
        session = self._session
        limit = session.now() + QUIET_WITHIN_S
        while session.now() < limit:
            self.begin()
            await session.clock.sleep(QUIET_S)
            if not crowded(self.until_now(WindowKind.WARM_UP), self.neighbours):
                return

    def _look(self) -> MachineSeen | None:
        watching = watch()
        if watching.told and not self._told:
            self._told = True
            self._session.tell(f"this machine's processors stood still; {watching.told}")
        return machine_seen(self._session.now(), stood=watching.seen, left=watching.left)

    def _roots(self, there: set[int]) -> tuple[set[int], str]:
        """The processes below which all of ours and of the system's are; or why nobody knows."""
        match self._session.topology.system.runtime:
            case RuntimeKind.ATTACH:
                return set(), NOT_OURS
            case RuntimeKind.COMPOSE:
                deployment = self._session.deployment
                inside = {deployment.pid(each) for each in deployment.instances if deployment.alive(each)}
                return {os.getpid(), *inside, *deployment.also_running}, "" if inside <= there else ELSEWHERE
            case RuntimeKind.PROCESS | RuntimeKind.NAMESPACES:
                return {os.getpid()}, ""


def _unknown(window: WindowKind, why: str) -> Company:
    return Company(window=window, start=0.0, end=0.0, cores=0, others=0.0, stolen=0.0, idle=0.0, unknown=why)

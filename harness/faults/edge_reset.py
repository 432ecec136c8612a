"""Reset: connections, new and live, end with a RST."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import ANSWER_WITHIN_S, EdgeFault
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import ResetPeerAttributes, ToxicSpec
from harness.proxy.waiting import all_of


class Reset(EdgeFault):
    """Connections are accepted and reset at once; live ones are reset when it is armed.

    Toxiproxy ends connections that exist already with a FIN: the relay passes that on as a RST.
    """

    kind: ClassVar[str] = "reset"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        return (ToxicSpec(name=f"{key}reset", stream="downstream", attributes=ResetPeerAttributes()),)

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        await line.make_abrupt(key)
        read = await super().arm(line, key)
        return f"{read}, {await line.cut()} live connections cut"

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:
        """See `EdgeFault`; both begin at once, so that a restart finds both noted when one of them stalls."""
        await all_of([line.make_gentle(key), super().disarm(line, key, within_s=within_s)])

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=ANSWER_WITHIN_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        return seen.outcome is Outcome.RESET


def reset() -> Reset:
    """Connections, new and live, end with a RST."""
    return Reset()

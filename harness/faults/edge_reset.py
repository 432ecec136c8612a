"""Reset: connections end with a RST, at once or in the middle of an answer."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.bent import BentFault
from harness.faults.edge_limit import MOST_BYTES, WATCHED_BYTES, spending
from harness.proxy.bends import Bend, Budget
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import ResetPeerAttributes, ToxicSpec
from harness.proxy.waiting import all_of


class Reset(BentFault):
    """At once: connections are accepted and reset, and live ones are reset when it is armed.

    After so many bytes: each connection is reset once it has carried so many bytes of answers, of those that are open
    counted from the arming. They are a budget of the connection, not of an answer.

    Toxiproxy ends connections that exist already with a FIN: the relay passes that on as a RST.
    """

    kind: ClassVar[str] = "reset"
    after_bytes: Annotated[int, Field(ge=0, le=MOST_BYTES)] = 0

    def describe(self) -> str:
        """See `FaultSpec`."""
        after = f" after {self.after_bytes} bytes" if self.after_bytes else ""
        return f"reset{after}{self.of_connections}"

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        if not self.after_bytes:
            return Bend(key=key, share=self.share, seed=self.seed, resets=True, cuts=True)
        budget = Budget(bytes=self.after_bytes, end="reset")
        return Bend(key=key, share=self.share, seed=self.seed, budget=budget)

    def by_relay(self, line: Line) -> bool:  # noqa: ARG002 -- nothing else ends an answer with a RST
        """See `BentFault`."""
        return self.chooses or self.after_bytes > 0

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        return (ToxicSpec(name=f"{key}reset", stream="downstream", attributes=ResetPeerAttributes()),)

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        if self.by_relay(line):
            return await super().arm(line, key)
        await line.make_abrupt(key)
        read = await super().arm(line, key)
        return f"{read}, {await line.cut()} live connections cut"

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:
        """See `EdgeFault`; both begin at once, so that a restart finds both noted when one of them stalls."""
        await all_of([line.make_gentle(key), super().disarm(line, key, within_s=within_s)])

    def question(self) -> Question:
        """See `EdgeFault`."""
        return spending(self.after_bytes)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; a budget that a probe does not spend is not seen by it."""
        if self.after_bytes > WATCHED_BYTES:
            return seen.outcome in {Outcome.ANSWERED, Outcome.RESET}
        return seen.outcome is Outcome.RESET and seen.bytes == self.after_bytes


def reset(after_bytes: int = 0, *, share: float = 1.0, seed: int = 0) -> Reset:
    """Connections, new and live, end with a RST: `reset(20_000)` in the middle of an answer."""
    return Reset(after_bytes=after_bytes, share=share, seed=seed)

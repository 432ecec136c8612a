"""Down: connections are refused, and live ones are cut."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import SILENCE_S, EdgeFault
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen


class Down(EdgeFault):
    """Nobody listens at the other end."""

    kind: ClassVar[str] = "down"
    passes_traffic: ClassVar[bool] = False

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        return f"listener disabled, {await line.close(key)} live connections cut"

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:  # noqa: ARG002 -- enabling doesn't stall
        """See `EdgeFault`."""
        await line.open(key)

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=SILENCE_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        return seen.outcome is Outcome.REFUSED

    async def look(self, line: Line) -> tuple[bool, str]:
        """Where the consumer connects, and behind."""
        return await refuses(line)


async def refuses(line: Line) -> tuple[bool, str]:
    """Whether a line refuses connections both where its consumer connects and at Toxiproxy."""
    ports = [line.probe_entry, line.probe] if line.relayed else [line.probe_entry]
    seen = [await ask(Question(within_s=SILENCE_S)) for ask in ports]
    return all(each.outcome is Outcome.REFUSED for each in seen), ", ".join(map(str, seen))


def down() -> Down:
    """Connections are refused, and live ones are cut."""
    return Down()

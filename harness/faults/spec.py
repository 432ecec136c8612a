"""What a fault on an edge, or to an instance, must be able to do; third parties extend these two classes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, Protocol

from harness.model.fault import FaultSpec, HealedBy, InstanceTarget, Killable, Pausable
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import Stream, ToxicSpec

SILENCE_S = 0.4
"""How long a probe waits until it takes a line for silent."""
ANSWER_WITHIN_S = 2.0
"""How long a probe waits for an answer that should come."""

Direction = Literal["request", "reply"]
STREAMS: dict[Direction, Stream] = {"request": "upstream", "reply": "downstream"}


class Instances(Killable, Pausable, Protocol):
    """A deployment whose instances can be killed, frozen, and asked whether they can serve."""

    async def ready(self, instance: InstanceTarget) -> bool:
        """Whether the instance can serve now."""
        ...


class EdgeFault(FaultSpec):
    """A fault on lines. Names of toxics begin with the injection's key, so that several can be on a line."""

    acts_on: ClassVar[Literal["edge", "instance"]] = "edge"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:  # noqa: ARG002 -- for those that have toxics
        """What Toxiproxy is asked for."""
        return ()

    async def arm(self, line: Line, key: str) -> str:
        """Put it on a line; gives what was read back. Raises ProxyError."""
        return ", ".join([await line.add_toxic(toxic) for toxic in self.toxics(key)])

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:
        """Take it off and read that back; raises ProxyError."""
        await line.remove_toxics(key, within_s=within_s)

    @abstractmethod
    def question(self) -> Question:
        """What the probe asks to see it bite."""

    @abstractmethod
    def bites(self, seen: Seen) -> bool:
        """Whether what the probe saw on a line is this fault's doing."""

    async def look(self, line: Line) -> tuple[bool, str]:
        """Probe a line: whether it bites, and what was seen.

        What looks like a fault may be the doing of a provider that is down or hangs: asked directly, it must answer.
        """
        seen = await line.probe(self.question())
        if not self.bites(seen):
            return False, str(seen)
        provider = await line.probe_provider(Question(within_s=ANSWER_WITHIN_S))
        if provider.outcome is Outcome.ANSWERED:
            return True, str(seen)
        return False, f"{seen}, which proves nothing, since its provider does not answer either: {provider}"


class InstanceFault(FaultSpec):
    """A fault to one instance."""

    acts_on: ClassVar[Literal["edge", "instance"]] = "instance"
    healed_by: ClassVar[HealedBy]

    @abstractmethod
    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """Do it; gives what was done. Raises HarnessError."""

    @abstractmethod
    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """Undo it; returns when the instance is ready. Raises HarnessError."""

    @abstractmethod
    async def look(self, line: Line) -> tuple[bool, str]:
        """Probe a line that leads to the instance: whether the fault shows, and what was seen."""

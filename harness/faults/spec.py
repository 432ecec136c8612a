"""What a fault on an edge, or to an instance, must be able to do; third parties extend these two classes."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from harness.model.declared import Declared
from harness.model.exchange_rules import Deed, ExchangeRule
from harness.model.fault import FaultSpec, HealedBy, Hits, InstanceTarget, Killable, Pausable
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

    async def met(self, line: Line, key: str, crossed: Hits) -> Hits:  # noqa: ARG002 -- for those that choose
        """What of that which crossed a line while it was in force met it; it may be off already."""
        return crossed

    @abstractmethod
    def question(self) -> Question:
        """What the probe asks to see it bite."""

    @abstractmethod
    def bites(self, seen: Seen) -> bool:
        """Whether what the probe saw on a line is this fault's doing."""

    async def ask(self, line: Line) -> Seen:
        """Put the question to a line, where this fault can be seen, and it counts as no crossing."""
        return await line.probe(self.question())

    async def look(self, line: Line) -> tuple[bool, str]:
        """Probe a line: whether it bites, and what was seen.

        What looks like a fault may be the doing of a provider that is down or hangs: asked directly, it must answer.
        """
        seen = await self.ask(line)
        if not self.bites(seen):
            return False, str(seen)
        provider = await line.probe_provider(Question(within_s=ANSWER_WITHIN_S))
        if provider.outcome is Outcome.ANSWERED:
            return True, str(seen)
        return False, f"{seen}, which proves nothing, since its provider does not answer either: {provider}"


class ExchangeMatch(Declared):
    """Which exchanges are meant; left out, all are."""

    method: Annotated[str, Field(pattern=r"^[A-Z]{1,20}$")] | None = None
    path: Annotated[str, Field(pattern=r"^(/|\*\*)[^?#\s]*$", max_length=500)] | None = None
    """`/charges/*`: a star stands for a part of the path without a slash, two for any; the query does not count."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of those; which ones comes from the seed, the fault and the line, so that a repetition means the same."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    def __str__(self) -> str:
        """As it is told after the fault: ` on POST /charges/*, 30 % of them`; empty when all are meant."""
        what = " ".join(part for part in (self.method, self.path) if part)
        share = f"{self.share * 100:g} % of " if self.share < 1 else ""
        return f" on {share}{what or 'the exchanges'}" if what or share else ""


ALL_EXCHANGES = ExchangeMatch()


class ExchangeFault(EdgeFault):
    """A fault in the exchanges on lines, done by the HTTP stage of the relay.

    It is in force when the relay, asked, tells that the rule stands on the line: from then on the next request of
    every connection is read, of those too that were open before. Nothing is asked to see it bite, since a request that
    it means may do harm: that it bit is told by the exchanges it met, and a fault that met none has proved nothing.
    """

    needs_http: ClassVar[bool] = True
    match: ExchangeMatch = ALL_EXCHANGES

    @abstractmethod
    def deed(self) -> Deed:
        """What the relay does."""

    @property
    def chooses(self) -> bool:
        """See `FaultSpec`."""
        return self.match != ALL_EXCHANGES

    def what(self) -> str:
        """The fault in words, but for what it means."""
        return self.kind

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"{self.what()}{self.match}"

    def rule(self, line: str) -> ExchangeRule:
        """What the relay is told for a line."""
        return ExchangeRule(
            deed=self.deed(),
            method=self.match.method or "",
            path=self.match.path or "/**",
            share=self.match.share,
            seed=zlib.crc32(f"{line} {self!r}".encode()),
        )

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        return await line.set_exchange_fault(key, self.rule(line.name))

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:  # noqa: ARG002 -- the relay has its own limit
        """See `EdgeFault`."""
        await line.clear_exchange_fault(key)

    async def met(self, line: Line, key: str, crossed: Hits) -> Hits:
        """See `EdgeFault`: the exchanges that it changed."""
        return replace(crossed, exchanges=(await line.exchanges_met(key)).hits)

    def question(self) -> Question:
        """See `EdgeFault`; it is never asked."""
        return Question(within_s=ANSWER_WITHIN_S)

    def bites(self, seen: Seen) -> bool:  # noqa: ARG002 -- nothing that a probe sees tells it
        """See `EdgeFault`."""
        return False

    async def look(self, line: Line) -> tuple[bool, str]:
        """Ask the relay whether the rule stands."""
        if self.rule(line.name) in (await line.exchange_faults()).values():
            return True, "reads exchanges by it"
        return False, "has no such rule in the relay"


class InstanceFault(FaultSpec):
    """A fault to one instance."""

    acts_on: ClassVar[Literal["edge", "instance"]] = "instance"
    healed_by: ClassVar[HealedBy]
    strike_within_s: ClassVar[float] = 10.0
    """How long doing it may take."""

    @abstractmethod
    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """Do it; gives what was done. Raises HarnessError."""

    @abstractmethod
    async def mend(self, instances: Instances, target: InstanceTarget) -> str | None:
        """Undo it; returns when the instance is ready. Gives what is worth telling of it. Raises HarnessError."""

    @abstractmethod
    async def look(self, line: Line) -> tuple[bool, str]:
        """Probe a line that leads to the instance: whether the fault shows, and what was seen."""

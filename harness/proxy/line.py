"""A line of the mesh: what an edge fault acts on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.clock import Clock
from harness.errors import ProxyError
from harness.model.changes import AnswerRule
from harness.model.exchange_rules import ExchangeRule, Met
from harness.model.fault import Hits
from harness.model.topology import LineId
from harness.proxy.bends import Bend
from harness.proxy.control import Hear, RelayControl
from harness.proxy.openers import Manners
from harness.proxy.probe import LOOPBACK, Question, Seen, Talk, probe
from harness.proxy.server import ListenerConfig, ToxiproxyServer
from harness.proxy.toxics import ToxicSpec

HIDDEN = "hidden"
"""Who holds a line closed while its provider is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """Where a line leads and listens; without a relay the entry is the proxy."""

    line: LineId
    protocol: str
    upstream_port: int
    proxy_port: int
    entry_port: int
    upstream_host: str = LOOPBACK
    proxy_host: str = LOOPBACK
    entry_host: str = LOOPBACK


@dataclass(slots=True)
class LineState:
    """What should be so on a line; a restarted server is brought back to it."""

    toxics: dict[str, ToxicSpec] = field(default_factory=dict)
    closed_by: set[str] = field(default_factory=set)
    """Who wants its connections refused: ids of injections, or `HIDDEN`."""
    abrupt_by: set[str] = field(default_factory=set)
    """Who wants ends passed on as RST."""

    def listener(self, plan: LinePlan) -> ListenerConfig:
        """The line in the configuration of Toxiproxy."""
        return ListenerConfig(
            name=plan.line.name,
            listen=f"{plan.proxy_host}:{plan.proxy_port}",
            upstream=f"{plan.upstream_host}:{plan.upstream_port}",
            enabled=not self.closed_by,
        )


class Line:
    """One consumer instance to one provider instance.

    What is done here is first noted as what should be so, then done, then read back; every call raises
    ProxyError when the server or the relay refuses it, does not answer in time, or reads back something else.
    """

    def __init__(  # noqa: PLR0913 -- each is a thing of its own
        self,
        plan: LinePlan,
        state: LineState,
        *,
        server: ToxiproxyServer,
        relay: RelayControl | None,
        clock: Clock,
        trust: Path | None = None,
        manners: Manners | None = None,
    ) -> None:
        self.plan = plan
        self._manners = manners or Manners(clock)
        self.server = server
        self._state = state
        self._relay = relay
        self._clock = clock
        self._trust = trust
        self._bends: dict[str, Bend] = {}
        self._hear: Hear | None = None
        self._rules: tuple[AnswerRule, ...] = ()
        self._exchange_faults: dict[str, ExchangeRule] = {}
        self._obeyed = False
        self._was_staged = False
        """Whether the relay was ever told what to do with exchanges."""

    @property
    def relayed(self) -> bool:
        """Whether its consumer connects to something that stands before Toxiproxy."""
        plan = self.plan
        return (plan.entry_host, plan.entry_port) != (plan.proxy_host, plan.proxy_port)

    @property
    def id(self) -> LineId:
        """Which line it is."""
        return self.plan.line

    @property
    def name(self) -> str:
        """`gateway-1->catalog-1`."""
        return self.plan.line.name

    @property
    def hidden(self) -> bool:
        """Whether its provider is known to be dead."""
        return HIDDEN in self._state.closed_by

    async def add_toxic(self, toxic: ToxicSpec) -> str:
        """Put a toxic on; gives what was read back."""
        self._state.toxics[toxic.name] = toxic
        async with self.server.changing:
            return await asyncio.to_thread(self._apply, [toxic])

    async def remove_toxics(self, prefix: str, *, within_s: float) -> int:
        """Take off the toxics whose names begin so, and read that back; gives how many there were.

        It is noted first that they should be off, so that a restart of the server does what removing could not.
        """
        mine = [name for name in self._state.toxics if name.startswith(prefix)]
        for name in mine:
            del self._state.toxics[name]
        if mine:
            async with self.server.changing:
                await asyncio.to_thread(self._remove, mine, within_s)
        return len(mine)

    async def close(self, holder: str) -> int:
        """Refuse connections and cut the live ones; gives their number as the relay counted it."""
        self._state.closed_by.add(holder)
        async with self.server.changing:
            cut = await self._relay.tell("refuse", self.name) if self._relay else 0
            await asyncio.to_thread(self._set_enabled)
        return cut

    async def turn_away(self) -> None:
        """Refuse connections until `open`, and leave the live ones; without a relay nothing happens."""
        if self._relay:
            await self._relay.tell("turn-away", self.name)

    async def open(self, holder: str) -> None:
        """Let connections in again, unless someone else holds the line closed."""
        self._state.closed_by.discard(holder)
        async with self.server.changing:
            await asyncio.to_thread(self._set_enabled)
            if self._relay and not self._state.closed_by:
                await self._relay.tell("accept", self.name)

    @property
    def bendable(self) -> bool:
        """Whether a relay stands on it, which can do what Toxiproxy can't."""
        return self._relay is not None

    async def bend(self, bend: Bend) -> str:
        """Have the relay do something to chosen connections; gives what it said.

        Raises:
            ProxyError: also when there is no relay.
        """
        if self._relay is None:
            raise ProxyError(f"expected a relay on {self.name}, found none: only a relay can choose connections")
        self._bends[bend.key] = bend
        count = await self._relay.bend(self.name, list(self._bends.values()))
        return f"the relay does it, {count} live connections {'cut' if bend.cuts else 'chosen'}"

    async def unbend(self, key: str) -> None:
        """Take it back; nothing happens where it was never put on."""
        if self._relay is not None and self._bends.pop(key, None) is not None:
            await self._relay.bend(self.name, list(self._bends.values()))

    async def bend_met(self, key: str) -> Hits | None:
        """What met it, also when it is off again; None when there is no relay."""
        return None if self._relay is None else await self._relay.bend_met(self.name, key)

    async def probe_bent(self, question: Question) -> Seen:
        """Ask through the relay, as one of those that are chosen, and counted nowhere."""
        if self._relay is None:
            return await self.probe(question)
        return await self._put(question, self.plan.entry_host, await self._relay.tell("peephole", self.name))

    async def make_abrupt(self, holder: str) -> None:
        """From now on an end from the provider's side reaches the consumer as a RST, even where Toxiproxy sends FIN."""
        self._state.abrupt_by.add(holder)
        if self._relay:
            await self._relay.tell("abrupt", self.name)

    async def make_gentle(self, holder: str) -> None:
        """Take `make_abrupt` back."""
        self._state.abrupt_by.discard(holder)
        if self._relay and not self._state.abrupt_by:
            await self._relay.tell("gentle", self.name)

    @property
    def changes_answers(self) -> bool:
        """Whether the relay was told to change answers, and obeyed."""
        return bool(self._rules) and self._obeyed

    async def keep(self, hear: Hear | None) -> None:
        """From now on tell of every exchange on this line; with None, no more."""
        self._hear = hear
        await self._staged()

    async def answer(self, rules: Sequence[AnswerRule]) -> int:
        """Change the answers that rules mean; with none, all pass as they come. Gives how many rules are in force."""
        self._rules = tuple(rules)
        await self._staged()
        return len(self._rules)

    async def set_exchange_fault(self, key: str, rule: ExchangeRule) -> str:
        """Do this to the exchanges that the rule means, unless one set before means them; gives what was read back."""
        self._exchange_faults[key] = rule
        await self._staged()
        found = await self.exchange_faults()
        if found.get(key) != rule:
            raise ProxyError(f"expected {rule} read back on {self.name}, found {found.get(key)}")
        return f"the relay has the rule '{rule}'; whether it met any, its hits tell"

    async def clear_exchange_fault(self, key: str) -> None:
        """Do it no more, and read that back; what was held back of answers is let go."""
        if self._exchange_faults.pop(key, None) is None and self._relay is None:
            return
        await self._staged()
        if self._relay is not None and key in await self.exchange_faults():
            raise ProxyError(f"expected {key!r} to be off {self.name}, found it read back")

    async def exchange_faults(self) -> dict[str, ExchangeRule]:
        """What the relay does to exchanges on this line, as it tells it."""
        return {} if self._relay is None else await self._relay.exchange_faults(self.name)

    async def exchanges_met(self, key: str) -> Met:
        """The exchanges that a fault met since it was set, as the relay counted them; also after it was cleared."""
        return Met() if self._relay is None else await self._relay.exchanges_met(self.name, key)

    async def _staged(self) -> None:
        if self._relay is None and not self._rules and not self._exchange_faults and self._hear is None:
            return  # nothing is wanted of what is not there
        if self._relay is None or self.plan.protocol != "http":
            why = "no relay stands on it" if self._relay is None else f"it carries {self.plan.protocol}"
            raise ProxyError(f"expected HTTP that can be read on {self.name}; {why}")
        self._obeyed, self._was_staged = False, True
        await self._relay.stage(self.name, self._rules, faults=self._exchange_faults, hear=self._hear)
        self._obeyed = True

    async def cut(self) -> int:
        """Reset the live connections; without a relay Toxiproxy ends them with FIN, and their number is unknown (0)."""
        if self._relay:
            return await self._relay.tell("cut", self.name)
        async with self.server.changing:
            if not self._state.closed_by:
                await asyncio.to_thread(self._blink)
        return 0

    async def probe(self, question: Question) -> Seen:
        """Ask Toxiproxy's listener, behind the relay, so that it counts as no crossing."""
        return await self._put(question, self.plan.proxy_host, self.plan.proxy_port)

    async def probe_entry(self, question: Question) -> Seen:
        """Ask where the consumer does; counted as a crossing unless it is refused."""
        return await self._put(question, self.plan.entry_host, self.plan.entry_port)

    async def probe_provider(self, question: Question) -> Seen:
        """Ask the provider itself, past Toxiproxy."""
        return await self._put(question, self.plan.upstream_host, self.plan.upstream_port)

    async def meet(self) -> Talk:
        """Learn how the provider is asked, unless that is known: of one that is dead or frozen nobody learns it."""
        return await self._manners.talk(self.plan.protocol, self.plan.upstream_host, self.plan.upstream_port)

    async def _put(self, question: Question, host: str, port: int) -> Seen:
        talk = await self.meet()
        return await probe(port, talk, question, clock=self._clock, host=host, trust=self._trust)

    async def reinstate(self) -> str:
        """Bring the line to what should be so, after its server was restarted; hold `server.changing`."""
        await self.relay_again()
        return await asyncio.to_thread(self._apply, list(self._state.toxics.values()))

    async def relay_again(self) -> None:
        """Tell the relay all that should be so on the line; without one nothing happens."""
        if self._relay:
            await self._relay.bend(self.name, list(self._bends.values()))
            await self._relay.tell("refuse" if self._state.closed_by else "accept", self.name)
            await self._relay.tell("abrupt" if self._state.abrupt_by else "gentle", self.name)
            if self._was_staged:
                await self._staged()

    def _apply(self, toxics: list[ToxicSpec]) -> str:
        if not toxics:
            return ""
        listener = self.server.client.known(self.name)
        for toxic in toxics:
            listener.add(toxic)
        found = {name: read.spec for name, read in listener.toxics().items()}
        for toxic in toxics:
            if found.get(toxic.name) != toxic:
                raise ProxyError(f"expected {toxic} read back on {self.name}, found {found.get(toxic.name)}")
        return ", ".join(str(found[toxic.name]) for toxic in toxics)

    def _remove(self, names: list[str], within_s: float) -> None:
        listener = self.server.client.known(self.name)
        for name in names:
            listener.remove(name, within_s=within_s)
        still = sorted(set(names) & set(listener.toxics()))
        if still:
            raise ProxyError(f"expected {', '.join(still)} to be off {self.name}, found it read back")

    def _set_enabled(self) -> None:
        self.server.client.known(self.name).set_enabled(enabled=not self._state.closed_by)

    def _blink(self) -> None:
        listener = self.server.client.listener(self.name)
        listener.disable()
        listener.enable()

"""Verifies a service's pacts while one of its edges is broken: what each interaction owes then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.checkers.contract_cells import PactHeld
from harness.checkers.differential import Due, lateness, unclear_refusal
from harness.contracts.pacts import Interaction, Kind, Pact, read_pacts
from harness.contracts.verify import ProviderUnderTest, verify
from harness.engine.asking import Asker
from harness.engine.known_answers import Provider
from harness.engine.session import Session
from harness.engine.tap import Tap, Tapped
from harness.model.credentials import Credentials
from harness.model.finding import Finding
from harness.model.matrix import Cell
from harness.model.replayed import Asked
from harness.model.system import Need
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble

WALL_LIMIT_S = 120.0
"""Of one verification: under a black hole each interaction takes the whole deadline."""
DueOf = Callable[[Asked], Due]
TRIES = 2
"""So often are pacts verified while nothing is broken until all hold: others may keep this machine busy."""
_UNAVAILABLE = 503
_EXPRESSION = re.compile(r"\$\{[^}]+\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """One verification of all pacts with a service."""

    findings: Mapping[str, Finding]
    """By `consumer → provider: interaction`."""
    seen: tuple[Tapped, ...]


class PactsUnderFault:
    """The pacts with one service that hold while nothing is broken; `get_to_know` them first."""

    def __init__(self, session: Session, provider: Provider) -> None:
        self._session = session
        self._provider = provider
        self._interactions: dict[str, Interaction] = {}
        self._number = 0
        self.left_out: dict[str, str] = {}
        """Interactions that don't hold while nothing is broken, and why."""
        self.operations: frozenset[str] = frozenset()
        """Those that the other interactions are for."""

    @property
    def count(self) -> int:
        """How many interactions are verified under each fault."""
        return len(self._interactions)

    async def get_to_know(self) -> tuple[Asked, ...]:
        """Verify while nothing is broken; gives the requests as they were sent, with the values of states in them.

        Raises:
            DeclarationError: when a pact file is broken.
        """
        pacts = await asyncio.to_thread(read_pacts, self._session.content("contracts") / "pacts")
        mine = [pact for pact in pacts if pact.provider == self._provider.name]
        self._interactions = {
            f"{pact.consumer} → {pact.provider}: {each.label}": each for pact in mine for each in _over_http(pact)
        }
        if not self._interactions:
            return ()
        verified = await self._verify()
        for _ in range(1, TRIES):
            if all(_holds(verified.findings.get(subject)) for subject in self._interactions):
                break
            verified = await self._verify()
        for subject in [*self._interactions]:
            found = verified.findings.get(subject)
            if not _holds(found):
                self.left_out[subject] = found.reason if found else "nothing was verified"
                del self._interactions[subject]
        self.operations = frozenset(
            each.asked.operation
            for each in verified.seen
            if any(_is_of(interaction, each.asked) for interaction in self._interactions.values())
        )
        return tuple(each.asked for each in verified.seen if not each.of_someone)

    async def verify(self, cell: Cell) -> tuple[PactHeld, ...]:
        """Verify while the fault of a cell is in force; raises HarnessError when that can't be done."""
        if not self._interactions:
            return ()
        edge = self._session.topology.edges.get(cell.edge)
        soft = edge is not None and edge.need is Need.SOFT
        verified = await self._verify()
        return tuple(
            held(
                subject,
                verified.findings.get(subject),
                tuple((each.asked, each.exchange) for each in verified.seen if _is_of(interaction, each.asked)),
                due=self._provider.due,
                soft=cell.edge if soft else "",
            )
            for subject, interaction in self._interactions.items()
        )

    async def _verify(self) -> Verification:
        session, provider = self._session, self._provider
        topology = session.topology
        contracts = session.content("contracts")
        self._number += 1
        asker = Asker(
            provider.url,
            deadline_s=provider.deadline_s,
            credentials=Credentials(ca=session.credentials.ca),
            mark=topology.system.degraded,
            clock=session.clock,
        )
        async with asker, Tap(asker, provider.operations, ours=session.credentials.sent) as tap:
            under_test = ProviderUnderTest(
                name=provider.name,
                url=tap.url,
                stores={
                    edge.provider: session.deployment.store_address(edge.provider, provider.name)
                    for edge in topology.edges.values()
                    if edge.consumer == provider.name and topology.is_store(edge.provider)
                },
                owner=provider.owner,
            )
            findings = await verify(
                pacts=contracts / "pacts",
                states=contracts / "states",
                providers=[under_test],
                owners={name: topology.owner(name) for name in topology.system.services},
                spawner=session.supervisor,
                directory=session.directory / "under-fault" / f"pacts-{provider.name}-{self._number}",
                wall_limit_s=WALL_LIMIT_S,
                credentials=session.credentials,
            )
            return Verification(findings={each.subject: each for each in findings}, seen=tuple(tap.seen))


def _holds(found: Finding | None) -> bool:
    return found is not None and found.verdict is Verdict.PASS


def _over_http(pact: Pact) -> Iterator[Interaction]:
    """Messages are not asked for: nothing of what they owe is said by an answer."""
    return (each for each in pact.interactions if each.kind is Kind.HTTP)


def _is_of(interaction: Interaction, asked: Asked) -> bool:
    """Whether a request that went through is this interaction's, whatever values its states gave."""
    request = interaction.document.get("request")
    if not isinstance(request, dict) or str(request.get("method", "GET")).upper() != asked.method:
        return False
    return _form(request).fullmatch(asked.path.partition("?")[0]) is not None


def _form(request: Mapping[str, object]) -> re.Pattern[str]:
    generators = request.get("generators")
    generator = generators.get("path") if isinstance(generators, dict) else None
    expression = generator.get("expression") if isinstance(generator, dict) else None
    if isinstance(expression, str):
        return re.compile("[^/]+".join(re.escape(part) for part in _EXPRESSION.split(expression)))
    return re.compile(re.escape(str(request.get("path", "/"))))


def held(
    subject: str, found: Finding | None, exchanges: Sequence[tuple[Asked, Exchange]], *, due: DueOf, soft: str = ""
) -> PactHeld:
    """What came of one interaction under a fault: it holds, or its provider refuses in the declared way.

    Where the edge is `soft` (its name), it has to hold.
    """
    if found is None:
        return PactHeld(subject=subject, verdict=Verdict.UNKNOWN, reason="nothing was verified under the fault")
    if found.verdict is Verdict.PASS:
        return PactHeld(subject=subject, verdict=Verdict.PASS, reason="it holds")
    refused = [each for each in exchanges if each[1].trouble is not None or each[1].status == _UNAVAILABLE]
    if not refused:
        return PactHeld(subject=subject, verdict=found.verdict, reason=found.reason, evidence=found.evidence)
    wrong = next((why for asked, exchange in refused if (why := _unclear(exchange, due(asked)))), "")
    if wrong:
        return PactHeld(subject=subject, verdict=Verdict.FAIL, reason=wrong, evidence=found.evidence)
    if soft:
        reason = f"{soft} is declared soft, so it has to hold; it was refused with {_UNAVAILABLE}"
        return PactHeld(subject=subject, verdict=Verdict.FAIL, reason=reason, evidence=found.evidence)
    return PactHeld(subject=subject, verdict=Verdict.PASS, reason="it is refused in the declared way")


def _unclear(exchange: Exchange, due: Due) -> str:
    """Why an answer is no refusal in the declared way; empty when it is one."""
    if exchange.trouble is not None:
        late = lateness(exchange, due.deadline_s)
        return late if exchange.trouble is Trouble.TIMEOUT else f"no whole answer came: {exchange.trouble}"
    if due.documented and exchange.status not in due.declared:
        return f"{exchange.status} is not declared"
    unclear = "; ".join(unclear_refusal(exchange))
    return f"{exchange.status} {unclear}" if unclear else ""

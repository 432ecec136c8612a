"""Answers to `can-i-deploy`, of a ledger or of a broker, and what fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.clock import Clock
from harness.contracts.broker.broker import Broker
from harness.contracts.broker.matrix import Asked, answer_of, results_in
from harness.contracts.ledger.answer import Answer, Pair
from harness.contracts.ledger.ask import Question, can_i_deploy
from harness.contracts.ledger.store import read_ledger
from harness.contracts.pacts import read_pact
from harness.declare import load_system
from harness.engine.checkout import read_checkout
from harness.engine.filling import fill
from harness.engine.prepare import Options
from harness.engine.recorded_verify import Recorded, Sourced
from harness.engine.session import Say
from harness.engine.writing_down import write_to_broker, write_to_ledger
from harness.errors import DeclarationError
from harness.model.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the description tells, where there is one."""

    system: Path | None = None
    topology: Topology | None = None
    contracts: Path | None = None
    """The folder of contracts."""
    owners: Mapping[str, str] = field(default_factory=dict)
    pacts: frozenset[tuple[str, str]] = frozenset()
    """Consumer and provider of those that are checked out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked."""

    service: str
    version: str
    environment: str
    what_if: Mapping[str, str] = field(default_factory=dict)


def known_of(system: Path | None) -> Known:
    """Read the description, if one is named.

    Raises:
        DeclarationError: when it is broken.
    """
    if system is None:
        return Known()
    topology = load_system(system)
    contracts = Path(topology.root) / topology.system.content.contracts
    pairs = set()
    for file in (contracts / "pacts").glob("*.json"):
        try:
            pact = read_pact(file)
        except DeclarationError:
            continue  # `harness verify` tells of it; here it is a hint only
        pairs.add((pact.consumer, pact.provider))
    owners = {name: topology.owner(name) for name in topology.system.services}
    return Known(system=system, topology=topology, contracts=contracts, owners=owners, pacts=frozenset(pairs))


def ask_ledger(wish: Wish, ledger: Path, known: Known) -> Answer:
    """Ask a ledger; raises HarnessError when it can't be read."""
    question = Question(
        service=wish.service,
        version=wish.version,
        environment=wish.environment,
        what_if=wish.what_if,
        owners=known.owners,
        pacts=known.pacts,
        place=str(ledger),
    )
    return can_i_deploy(read_ledger(ledger), question)


async def ask_broker(wish: Wish, broker: Broker, url: str, known: Known) -> Answer:
    """Ask a broker; raises BrokerError when it can't answer."""
    asked = Asked(
        service=wish.service,
        version=wish.version,
        environment=wish.environment,
        what_if=wish.what_if,
        owners=known.owners,
        there=await broker.there(wish.environment),
        broker=url,
    )
    document = await broker.matrix(wish.service, wish.version, environment=wish.environment, what_if=wish.what_if)
    results = await broker.results(results_in(document, asked))
    all_rows = None if document.get("matrix") else await broker.matrix(wish.service, wish.version)
    return answer_of(document, asked, results=results, all_rows=all_rows)


async def fill_from_ledger(wish: Wish, ledger: Path, known: Known, *, clock: Clock, say: Say) -> Answer:
    """Run what is missing, write it down, and ask again; raises as `harness.engine.run.run`."""
    answer = ask_ledger(wish, ledger, known)
    contents = read_ledger(ledger).contents

    async def source(pair: Pair) -> Sourced:
        told = f"{pair.consumer} {pair.consumer_version}"
        return Sourced(document=contents[pair.content], told=told, version=pair.consumer_version)

    async def write(recorded: Recorded, version: str) -> None:
        for line in write_to_ledger(recorded, ledger, version=version, branch="", clock=clock):
            say(line)

    options = _options(known)
    if options is None or known.topology is None:
        return _unfilled(answer)
    filled = await fill(
        answer,
        options=options,
        services=frozenset(known.topology.system.services),
        checkout=read_checkout(Path(known.topology.root), but=ledger),
        source=source,
        write=write,
        say=say,
    )
    again = ask_ledger(wish, ledger, known)
    return replace(again, notes=(*again.notes, *filled.left))


async def fill_from_broker(wish: Wish, broker: Broker, url: str, known: Known, *, say: Say) -> Answer:
    """As `fill_from_ledger`; results are published."""
    answer = await ask_broker(wish, broker, url, known)

    async def source(pair: Pair) -> Sourced:
        fetched = await broker.pact_at(pair.source, pair.provider)
        told = f"{pair.consumer} {pair.consumer_version}"
        return Sourced(document=fetched.document, told=told, version=pair.consumer_version, fetched=fetched)

    async def write(recorded: Recorded, version: str) -> None:
        for line in await write_to_broker(recorded, broker, version=version, branch=""):
            say(line)

    options = _options(known)
    if options is None or known.topology is None:
        return _unfilled(answer)
    filled = await fill(
        answer,
        options=options,
        services=frozenset(known.topology.system.services),
        checkout=read_checkout(Path(known.topology.root), but=Path(known.topology.root) / ".harness"),
        source=source,
        write=write,
        say=say,
    )
    again = await ask_broker(wish, broker, url, known)
    return replace(again, notes=(*again.notes, *filled.left))


def _options(known: Known) -> Options | None:
    return None if known.system is None else Options(system=known.system, parts=frozenset({"verify"}))


def _unfilled(answer: Answer) -> Answer:
    return replace(answer, notes=(*answer.notes, "nothing was filled: there is no system.yaml here to start anything"))

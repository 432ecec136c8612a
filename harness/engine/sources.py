"""Pacts to verify that are not those checked out: what a ledger keeps, or what a broker gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.contracts.broker.broker import Broker, Wanted
from harness.contracts.ledger.facts import Facts, facts_of
from harness.contracts.ledger.store import Ledger, read_ledger
from harness.engine.recorded_verify import Sourced
from harness.engine.session import Say
from harness.errors import HarnessError


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Whose pacts are wanted of a ledger."""

    against: Sequence[str] = ()
    """Environments: of every consumer there."""
    pacts_of: Sequence[tuple[str, str]] = ()
    """Consumers with their versions."""
    providers: Sequence[str] = ()
    consumer: str | None = None
    """Of no other."""


def from_ledger(directory: Path, chosen: Chosen) -> tuple[list[Sourced], list[str]]:
    """The pacts, and why others that are owed can't be had.

    Raises:
        HarnessError: when the ledger can't be read, or knows no such environment.
    """
    ledger = read_ledger(directory)
    facts = facts_of(ledger)
    problems = [str(problem) for problem in ledger.problems]
    sourced: list[Sourced] = []
    for consumer, version in _consumers(directory, facts, chosen):
        named = (consumer, version) in chosen.pacts_of
        if (consumer, version) not in facts.publications and (named or facts.ever_relied(consumer)):
            problems.append(f"{consumer} {version} has not published its pacts in {directory}")
        for provider, content in facts.relied(consumer, version):
            if provider in chosen.providers and chosen.consumer in {None, consumer}:
                found = _kept(ledger, content, consumer, version)
                sourced += found
                problems += [] if found else [f"{directory} has lost what {consumer} {version} relies on of {provider}"]
    if not sourced and not problems:
        problems.append("none of these consumers relies on what was to be verified, so nothing was verified")
    return sourced, problems


async def from_broker(
    broker: Broker, wanted: Wanted, *, providers: Sequence[str], consumer: str | None, say: Say
) -> list[Sourced]:
    """What the broker wants verified of each provider; raises BrokerError when it can't be asked."""
    sourced = []
    for provider in providers:
        for fetched in await broker.pacts_for(provider, wanted):
            if consumer not in {None, _party(fetched.document.get("consumer"))}:
                continue
            for notice in fetched.notices:
                say(notice.splitlines()[0])
            sourced.append(Sourced(document=fetched.document, told=fetched.name, fetched=fetched))
    return sourced


def _consumers(directory: Path, facts: Facts, chosen: Chosen) -> Sequence[tuple[str, str]]:
    consumers = list(chosen.pacts_of)
    for environment in chosen.against:
        if environment not in facts.places:
            known = ", ".join(sorted(facts.places)) or "none"
            raise HarnessError(f"{directory} knows no environment {environment!r} (known: {known})")
        consumers += [(name, each) for name, several in facts.places[environment].items() for each in several]
    return list(dict.fromkeys(consumers))


def _kept(ledger: Ledger, content: str, consumer: str, version: str) -> list[Sourced]:
    document = ledger.contents.get(content)
    return [] if document is None else [Sourced(document=document, told=f"{consumer} {version}", version=version)]


def _party(found: object) -> str:
    return str(found.get("name")) if isinstance(found, dict) else ""

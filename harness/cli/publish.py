"""`harness publish`: the pacts of a version of their consumers, into a ledger or to a broker."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.can_i_deploy import found_system
from harness.cli.recorded import BROKER_OPTION, LEDGER, LEDGER_OPTION, checked_word

if TYPE_CHECKING:
    from harness.contracts.pacts import JsonObject, Pact

PACTS = Path("contracts/pacts")


@click.command()
@click.argument("version", callback=checked_word)
@click.option("--consumer", "consumers", multiple=True, help="Only of this consumer (may be repeated).")
@click.option("--none", is_flag=True, help="The --consumer relies on nobody, and has no pact on purpose.")
@click.option("--branch", default="", help="Of that version.")
@click.option("--pacts", type=click.Path(path_type=Path, file_okay=False), help="Their directory.")
@LEDGER_OPTION
@BROKER_OPTION
@click.option("--system", type=click.Path(path_type=Path), help="The system.yaml; found by itself if there is one.")
def publish(
    version: str,
    consumers: tuple[str, ...],
    branch: str,
    pacts: Path | None,
    ledger: Path | None,
    broker: str | None,
    system: Path | None,
    *,
    none: bool,
) -> None:
    """Publish what consumers rely on at VERSION: all consumers that have pacts here, or those that are named."""
    from harness.contracts.pacts import read_pacts
    from harness.engine.asked import known_of
    from harness.errors import HarnessError

    if ledger is not None and broker is not None:
        raise click.UsageError("choose --ledger or --broker, not both")
    if broker is not None and none and not branch:
        raise click.UsageError("--none needs --branch at a broker: by its branch a version is made known there")
    known = known_of(found_system(system))
    directory = pacts or (known.contracts / "pacts" if known.contracts else PACTS)
    by_consumer = _by_consumer(read_pacts(directory), consumers)
    for consumer in consumers:
        if none and consumer in by_consumer:
            raise HarnessError(f"--none: {consumer} has pacts in {directory}; leave --none out")
        if none and known.owners and consumer not in known.owners:
            raise HarnessError(f"--none: nobody knows a service {consumer!r}")
        if not none and consumer not in by_consumer:
            raise HarnessError(f"{consumer} has no pact in {directory}; if it relies on nobody, say so by --none")
    if not by_consumer and not (none and consumers):
        raise HarnessError(f"no pact in {directory}, so nothing was published")
    named: dict[str, list[Pact]] = {**{consumer: [] for consumer in consumers}, **by_consumer}
    if broker is not None:
        asyncio.run(_to_broker(broker, named, version, branch))
    else:
        _to_ledger(ledger or Path(LEDGER), named, version, branch, known.owners)


def _by_consumer(pacts: Sequence[Pact], consumers: Sequence[str]) -> dict[str, list[Pact]]:
    found: dict[str, list[Pact]] = {}
    for pact in pacts:
        if not consumers or pact.consumer in consumers:
            found.setdefault(pact.consumer, []).append(pact)
    return found


def _to_ledger(
    ledger: Path, named: Mapping[str, Sequence[Pact]], version: str, branch: str, owners: Mapping[str, str]
) -> None:
    from harness.clock import SystemClock
    from harness.contracts.ledger.content import content_digest
    from harness.contracts.ledger.entries import Published, Relied
    from harness.contracts.ledger.facts import facts_of
    from harness.contracts.ledger.store import add_content, add_entry, no_earlier, read_ledger
    from harness.errors import HarnessError

    read = read_ledger(ledger)
    facts, at = facts_of(read), no_earlier(read, SystemClock().wall())
    for problem in read.problems:
        click.echo(f"UNKNOWN: {problem}", err=True)
    fresh = []
    for consumer, pacts in named.items():
        relied = {(pact.provider, content_digest(_document(pact))) for pact in pacts}
        if (consumer, version) not in facts.publications:
            fresh.append(consumer)
        elif relied != set(facts.relied(consumer, version)):
            message = (
                f"{consumer} {version} is in {ledger} with other pacts; a version is published once: choose another"
            )
            raise HarnessError(message)
        elif any(content not in read.contents for _, content in relied):
            fresh.append(consumer)
        else:
            click.echo(f"{consumer} {version}: there already, with the same pacts")
    for consumer in fresh:
        entries = [Relied(provider=pact.provider, content=add_content(ledger, _document(pact)))
                   for pact in named[consumer]]  # fmt: skip
        entry = Published(
            at=at,
            consumer=consumer,
            version=version,
            branch=branch,
            owner=owners.get(consumer, ""),
            pacts=tuple(entries),
        )
        click.echo(f"{consumer} {version}: {len(entries)} pacts: {add_entry(ledger, entry)}")


async def _to_broker(url: str, named: Mapping[str, Sequence[Pact]], version: str, branch: str) -> None:
    from harness.contracts.broker.access import access
    from harness.contracts.broker.broker import open_broker

    async with open_broker(access(url, os.environ)) as broker:
        for consumer, pacts in named.items():
            if not pacts:
                await broker.put_on_branch(consumer, version, branch)
                click.echo(f"{consumer} {version}: made known, without pacts")
                continue
            for notice in await broker.publish(consumer, version, branch, [_document(pact) for pact in pacts]):
                click.echo(notice)


def _document(pact: Pact) -> JsonObject:
    document: JsonObject = json.loads(pact.file.read_bytes())
    return document

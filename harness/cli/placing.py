"""`harness record-deployment`, `harness record-release`: what is in which environment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from harness.cli.recorded import BROKER_OPTION, LEDGER, LEDGER_OPTION, checked_word

What = Literal["deployed", "undeployed", "released", "unreleased"]


def _placing(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--undo", is_flag=True, help="It is there no more."),
        BROKER_OPTION,
        LEDGER_OPTION,
        click.option("--to", "environment", required=True, callback=checked_word, help="The environment."),
        click.argument("version", callback=checked_word),
        click.argument("service", callback=checked_word),
    ):
        command = option(command)
    return command


@click.command("record-deployment")
@_placing
def record_deployment(
    service: str, version: str, environment: str, ledger: Path | None, broker: str | None, *, undo: bool
) -> None:
    """Record that SERVICE is deployed at VERSION, in place of the version that was."""
    _record("undeployed" if undo else "deployed", service, version, environment, ledger, broker)


@click.command("record-release")
@_placing
def record_release(
    service: str, version: str, environment: str, ledger: Path | None, broker: str | None, *, undo: bool
) -> None:
    """Record that SERVICE is released at VERSION, beside other versions that are: an app on phones, a library."""
    _record("unreleased" if undo else "released", service, version, environment, ledger, broker)


def _record(what: What, service: str, version: str, environment: str, ledger: Path | None, broker: str | None) -> None:
    if ledger is not None and broker is not None:
        raise click.UsageError("choose --ledger or --broker, not both")
    if broker is not None:
        asyncio.run(_in_broker(broker, what, service, version, environment))
        click.echo(f"{service} {version} is {what}: {environment}, at the broker")
        return
    file = _in_ledger(ledger or Path(LEDGER), what, service, version, environment)
    click.echo(f"{service} {version} is {what}: {environment}: {file}")


def _in_ledger(ledger: Path, what: What, service: str, version: str, environment: str) -> Path:
    from harness.clock import SystemClock
    from harness.contracts.ledger.entries import Placed
    from harness.contracts.ledger.facts import facts_of
    from harness.contracts.ledger.store import add_entry, no_earlier, read_ledger
    from harness.errors import HarnessError

    read = read_ledger(ledger)
    there = facts_of(read).places.get(environment, {}).get(service, ())
    if what in {"undeployed", "unreleased"} and version not in there:
        listed = ", ".join(there) or "no version"
        raise HarnessError(f"{service} {version} is not in {environment} ({listed} is), so nothing was undone")
    at = no_earlier(read, SystemClock().wall())
    return add_entry(ledger, Placed(at=at, entry=what, service=service, version=version, environment=environment))


async def _in_broker(url: str, what: What, service: str, version: str, environment: str) -> None:
    from harness.contracts.broker.access import access
    from harness.contracts.broker.broker import open_broker

    async with open_broker(access(url, os.environ)) as broker:
        await broker.record(what, service, version, environment)

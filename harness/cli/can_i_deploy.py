"""`harness can-i-deploy`: whether a version fits what is in an environment, and if not, why, and who settles it how."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.recorded import BROKER_OPTION, LEDGER, LEDGER_OPTION, checked_word, versions

if TYPE_CHECKING:
    from harness.contracts.ledger.answer import Answer


@click.command("can-i-deploy")
@click.argument("service", callback=checked_word)
@click.argument("version", callback=checked_word)
@click.option("--to", "environment", required=True, callback=checked_word, help="The environment.")
@LEDGER_OPTION
@BROKER_OPTION
@click.option("--what-if", multiple=True, metavar="OTHER=VERSION", callback=versions,
              help="Think of that version there instead of what is (may be repeated).")  # fmt: skip
@click.option(
    "--fill", is_flag=True, help="Run the verifications that are missing, where this checkout is the version."
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option("--system", type=click.Path(path_type=Path), help="The system.yaml, for owners and --fill; found by "
              "itself if there is one.")  # fmt: skip
@click.pass_context
def can_i_deploy(
    context: click.Context,
    service: str,
    version: str,
    environment: str,
    ledger: Path | None,
    broker: str | None,
    what_if: tuple[tuple[str, str], ...],
    system: Path | None,
    *,
    fill: bool,
    as_json: bool,
) -> None:
    """Can SERVICE go to an environment at VERSION, as a consumer and as a provider of all that is there?

    Exit code 0: yes, 1: no, 2: unknown, because a verification is missing.
    """
    if ledger is not None and broker is not None:
        raise click.UsageError("choose --ledger or --broker, not both")
    if service in dict(what_if):
        raise click.UsageError(f"--what-if {service}: that is the service that you ask for; name its VERSION instead")
    answer = asyncio.run(
        _answer(
            (service, version, environment, dict(what_if)),
            broker=broker,
            ledger=ledger or Path(LEDGER),
            system=found_system(system),
            console=Console(err=as_json) if fill else None,
        )
    )
    if as_json:
        click.echo(json.dumps(answer.document(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(answer.lines()))
    context.exit(answer.verdict.exit_code)


async def _answer(
    asked: tuple[str, str, str, Mapping[str, str]],
    *,
    broker: str | None,
    ledger: Path,
    system: Path | None,
    console: Console | None,
) -> Answer:
    """With a console, what is missing is filled."""
    from harness.clock import SystemClock
    from harness.engine.asked import Wish, ask_broker, ask_ledger, fill_from_broker, fill_from_ledger, known_of

    service, version, environment, what_if = asked
    wish = Wish(service=service, version=version, environment=environment, what_if=what_if)
    known = known_of(system)
    if broker is None:
        if console is None:
            return ask_ledger(wish, ledger, known)
        return await until_interrupted(fill_from_ledger(wish, ledger, known, clock=SystemClock(), say=console.say))
    from harness.contracts.broker.access import access
    from harness.contracts.broker.broker import open_broker

    async with open_broker(access(broker, os.environ)) as opened:
        if console is None:
            return await ask_broker(wish, opened, broker, known)
        return await until_interrupted(fill_from_broker(wish, opened, broker, known, say=console.say))


def found_system(named: Path | None) -> Path | None:
    """The description that is named or found; None where there is none, since a ledger can do without."""
    from harness.errors import DeclarationError

    if named is not None:
        return system_path(named)
    try:
        return system_path(None)
    except DeclarationError:
        return None

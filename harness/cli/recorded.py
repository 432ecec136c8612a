"""The options by which `harness verify` takes pacts from, and writes results to, a ledger or a broker."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import Console, until_interrupted

if TYPE_CHECKING:
    from harness.contracts.broker.broker import Broker, Wanted
    from harness.engine.prepare import Options
    from harness.engine.recorded_verify import Recorded

LEDGER = "contracts/ledger"
_PLAIN = {
    "main": {"mainBranch": True},
    "deployed": {"deployedOrReleased": True},
    "matching-branch": {"matchingBranch": True},
}

_Command = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What was said of where pacts come from and results go."""

    ledger: Path | None
    broker: str | None
    version: str
    branch: str
    against: tuple[str, ...]
    pacts_of: tuple[tuple[str, str], ...]
    selectors: tuple[str, ...]
    pending: bool
    wip_since: str

    @property
    def wanted(self) -> bool:
        """Whether anything was said."""
        return self.ledger is not None or self.broker is not None

    def check(self) -> None:
        """Refuse what makes no sense together; raises UsageError."""
        if self.ledger is not None and self.broker is not None:
            raise click.UsageError("choose --ledger or --broker, not both")
        if not self.wanted and (self.version or self.branch or self.against or self.pacts_of or self.selectors):
            raise click.UsageError("--version and what goes with it need --ledger or --broker")
        if self.ledger is not None and not self.version:
            raise click.UsageError("--ledger needs --version: results are of a version of the provider")
        if self.ledger is not None and (self.selectors or self.pending or self.wip_since):
            raise click.UsageError("--selector, --pending and --wip-since are for a --broker")
        if self.broker is not None and (self.against or self.pacts_of):
            raise click.UsageError("--against and --pacts-of are for a --ledger; a broker takes --selector")


def versions(_context: click.Context, _option: click.Parameter, words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`NAME=VERSION`, each name once."""
    found: dict[str, str] = {}
    for word in words:
        name, _, version = word.partition("=")
        if not name or not version or name in found:
            raise click.BadParameter(f"expected NAME=VERSION, each name once, found {word!r}")
        found[name] = version
    return tuple(found.items())


def checked_word(_context: click.Context, option: click.Parameter, word: str | None) -> str:
    """A name or a version that can stand in a ledger: one word."""
    from pydantic import TypeAdapter, ValidationError

    from harness.contracts.ledger.entries import MAX_WORD, Word

    if word is None:
        return ""
    try:
        return TypeAdapter[str](Word).validate_python(word)
    except ValidationError:
        message = f"expected one word of at most {MAX_WORD} characters without '=', found {word!r}"
        raise click.BadParameter(message, param=option) from None


LEDGER_OPTION = click.option(
    "--ledger",
    type=click.Path(path_type=Path, file_okay=False),
    is_flag=False,
    flag_value=Path(LEDGER),
    help=f"The directory of the ledger; {LEDGER} when none is named.",
)
BROKER_OPTION = click.option(
    "--broker",
    metavar="URL",
    help="A Pact Broker; PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD, let you in.",
)


def with_records(command: _Command) -> _Command:
    """Give a command the options, and hand it what they say as `records`."""

    @functools.wraps(command)
    def gathered(*arguments: Any, **named: Any) -> Any:
        records = Records(**{name: named.pop(name) for name in Records.__slots__})
        records.check()
        return command(*arguments, records=records, **named)

    options = (
        LEDGER_OPTION,
        BROKER_OPTION,
        click.option("--version", callback=checked_word, help="Of the providers that are verified."),
        click.option("--branch", default="", help="Of that version."),
        click.option(
            "--against",
            multiple=True,
            metavar="ENVIRONMENT",
            help="Verify what the ledger says is there (may be repeated).",
        ),
        click.option(
            "--pacts-of",
            multiple=True,
            metavar="CONSUMER=VERSION",
            callback=versions,
            help="Verify what the ledger has of that version (may be repeated).",
        ),
        click.option(
            "--selector",
            "selectors",
            multiple=True,
            metavar="SELECTOR",
            help="What to fetch of the broker: main, deployed, matching-branch, branch=NAME, environment=NAME "
            "(may be repeated); main and deployed when none is named, and --branch.",
        ),
        click.option("--pending", is_flag=True, help="Let pacts that never held on --branch fail without harm."),
        click.option("--wip-since", default="", metavar="DATE", help="Also fetch work in progress since then."),
    )
    for option in reversed(options):
        gathered = option(gathered)
    return gathered


def verify_recorded(records: Records, options: Options) -> int:
    """Verify, show the reports, write the results, and give the exit code."""
    return asyncio.run(until_interrupted(_verify(records, replace(options, version=records.version))))


async def _verify(records: Records, options: Options) -> int:
    console = Console()
    if records.broker is not None:
        from harness.contracts.broker.access import access
        from harness.contracts.broker.broker import open_broker

        async with open_broker(access(records.broker, os.environ)) as broker:
            return await _with_broker(records, options, broker, console)
    return await _with_ledger(records, options, records.ledger or Path(LEDGER), console)


async def _with_ledger(records: Records, options: Options, ledger: Path, console: Console) -> int:
    from harness.engine.recorded_verify import verify_checked_out, verify_sourced
    from harness.engine.sources import Chosen, from_ledger

    problems: list[str] = []
    if records.against or records.pacts_of:
        chosen = Chosen(
            against=records.against,
            pacts_of=records.pacts_of,
            providers=_providers(options),
            consumer=options.consumer,
        )
        sourced, problems = from_ledger(ledger, chosen)
        recorded = await verify_sourced(options, sourced, say=console.say)
    else:
        recorded = await verify_checked_out(options, say=console.say)
    show(recorded, console)
    write(recorded, ledger, version=records.version, branch=records.branch)
    for problem in problems:
        click.echo(f"UNKNOWN: {problem}", err=True)
    return recorded.exit_code or (2 if problems else 0)


async def _with_broker(records: Records, options: Options, broker: Broker, console: Console) -> int:
    from harness.engine.recorded_verify import verify_sourced
    from harness.engine.sources import from_broker
    from harness.engine.writing_down import write_to_broker

    sourced = await from_broker(
        broker, _wanted(records), providers=_providers(options), consumer=options.consumer, say=console.say
    )
    if not sourced:
        click.echo("UNKNOWN: the broker gives no pact to verify, so nothing was verified", err=True)
        return 2
    recorded = await verify_sourced(options, sourced, say=console.say)
    show(recorded, console)
    if records.version:
        for line in await write_to_broker(recorded, broker, version=records.version, branch=records.branch):
            click.echo(line)
    else:
        click.echo("nothing was published: name the provider's --version to publish results")
    return recorded.exit_code


def _providers(options: Options) -> tuple[str, ...]:
    from harness.declare import load_system

    return options.services or tuple(load_system(options.system).system.services)


def _wanted(records: Records) -> Wanted:
    from harness.contracts.broker.broker import Selector, Wanted

    words = records.selectors or ("main", "deployed", *(["matching-branch"] if records.branch else []))
    selectors: list[Selector] = []
    for word in words:
        kind, _, name = word.partition("=")
        if word in _PLAIN:
            selectors.append(_PLAIN[word])
        elif kind in {"branch", "environment"} and name:
            selectors.append({kind: name} | ({"deployedOrReleased": True} if kind == "environment" else {}))
        else:
            raise click.UsageError(
                f"--selector {word}: expected main, deployed, matching-branch, branch=NAME or environment=NAME"
            )
    if "matching-branch" in words and not records.branch:
        raise click.UsageError("--selector matching-branch needs --branch")
    return Wanted(selectors=selectors, branch=records.branch, pending=records.pending, wip_since=records.wip_since)


def show(recorded: Recorded, console: Console) -> None:
    """The report of each run, and what was left out."""
    from harness.report import write_reports
    from harness.report.terminal import render

    for layer in recorded.layers:
        written = write_reports(layer.result.events, layer.result.directory)
        click.echo()
        click.echo(render(layer.result.events, colour=console.colour, report=written[0]))
    for problem in recorded.problems:
        click.echo(f"UNKNOWN: {problem}", err=True)
    for each in recorded.outcomes:
        if each.sourced.pending and any(outcome.verdict != "PASS" for outcome in each.outcomes):
            click.echo(f"{each.sourced.told} is pending: what is wrong with it does not count")


def write(recorded: Recorded, ledger: Path, *, version: str, branch: str) -> None:
    """Into the ledger."""
    from harness.clock import SystemClock
    from harness.engine.writing_down import write_to_ledger

    for line in write_to_ledger(recorded, ledger, version=version, branch=branch, clock=SystemClock()):
        click.echo(line)

"""`harness fuzz --consumer`: valid answers that a consumer has never seen, and whether it copes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from harness.cli.console import Console, system_path, until_interrupted

if TYPE_CHECKING:
    from harness.engine.concluding import RunResult

MOST_WITHIN_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerChoice:
    """Which consumer is tried, with whose answers, by which journeys, for how long."""

    name: str
    providers: tuple[str, ...]
    journeys: tuple[str, ...]
    within_s: float | None


_Result = TypeVar("_Result")


def consumer_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """The options of `harness fuzz` that mean a consumer; the command gets them as its `consumer`, None without one."""

    @click.option("--consumer", help="Instead, try this service with valid answers that it has never seen.")
    @click.option("--provider", "providers", multiple=True, help="With --consumer: only its answers (repeatable).")
    @click.option("--journey", "journeys", multiple=True, help="With --consumer: run only this (repeatable).")
    @click.option(
        "--within",
        "within_s",
        type=click.FloatRange(1, MOST_WITHIN_S),
        metavar="SECONDS",
        help="With --consumer: how long answers are tried; the rest is UNKNOWN.",
    )
    @functools.wraps(command)
    def with_consumer(
        *arguments: object,
        consumer: str | None,
        providers: tuple[str, ...],
        journeys: tuple[str, ...],
        within_s: float | None,
        **others: object,
    ) -> _Result:
        if consumer is None and (providers or journeys or within_s):
            message = "--provider, --journey and --within go with --consumer"
            raise click.UsageError(message)
        choice = (
            None
            if consumer is None
            else ConsumerChoice(name=consumer, providers=providers, journeys=journeys, within_s=within_s)
        )
        return command(*arguments, consumer=choice, **others)

    return with_consumer


def refuse_both(services: tuple[str, ...], *, tls: bool) -> None:
    """Raise UsageError for what goes with no consumer."""
    if services:
        message = f"either services ({', '.join(services)}) or --consumer; its providers are named by --provider"
        raise click.UsageError(message)
    if tls:
        message = "answers can't be changed within TLS; leave --tls out"
        raise click.UsageError(message)


def fuzz_consumer(choice: ConsumerChoice, *, system: Path | None, directory: Path | None, seed: int | None) -> int:
    """Do it, tell of it; gives the exit code."""
    from harness.cli.history import beside
    from harness.engine.consumer_fuzz_run import WITHIN_S, ConsumerFuzzOptions, run_consumer_fuzz
    from harness.engine.session import Settings
    from harness.report import write_reports
    from harness.report.terminal import render

    options = ConsumerFuzzOptions(
        system=system_path(system),
        consumer=choice.name,
        providers=choice.providers,
        journeys=choice.journeys,
        within_s=choice.within_s or WITHIN_S,
        settings=Settings(directory=directory, seed=seed),
    )
    console = Console()

    async def work() -> RunResult:
        return await until_interrupted(run_consumer_fuzz(options, say=console.say))

    result = asyncio.run(work())
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code

"""`harness run`, and its parts by themselves: `verify`, `fuzz`, `chaos run`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.consumer_fuzz import ConsumerChoice, consumer_options, fuzz_consumer, refuse_both
from harness.cli.contracts import contracts
from harness.cli.fuzz_options import fuzz_options, refuse_much
from harness.cli.matrix import matrix
from harness.cli.recorded import Records, verify_recorded, with_records
from harness.cli.roll import roll
from harness.cli.schema import schema
from harness.cli.shrink import shrink

if TYPE_CHECKING:
    from harness.engine.concluding import RunResult
    from harness.engine.fuzzing import FuzzOptions
    from harness.engine.prepare import Options

PARTS = ("verify", "chaos", "fuzz")
MAX_SEED = 2**31 - 1
MAX_REPEATS = 100
MAX_AGAIN = 10

_Command = TypeVar("_Command", bound=Callable[..., Any])

_TELLING = click.option("--notify/--no-notify", default=True,
                        help="Tell whom 'notify:' of the description names.")  # fmt: skip


def _common(command: _Command) -> _Command:
    """The options that every command that runs something has."""
    for option in (
        click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go."),
        click.option(
            "--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent."
        ),
        click.option(
            "--system", type=click.Path(path_type=Path), help="The system.yaml; found by itself if there is one."
        ),
    ):
        command = option(command)
    return _tls(command)


def _neighbours(command: _Command) -> _Command:
    return click.option(
        "--neighbours",
        type=click.Choice(["doubt", "judge"]),
        envvar="HARNESS_NEIGHBOURS",
        help="When other programs had the processors: doubt what is about time (the default), or judge it nonetheless.",
    )(command)


def _again(command: _Command) -> _Command:
    return click.option(
        "--again",
        type=click.IntRange(0, MAX_AGAIN),
        default=1,
        envvar="HARNESS_AGAIN",
        show_default=True,
        help="How often what says nothing, since the machine was busy, is asked again: experiments, answers in verify.",
    )(command)


def _tls(command: _Command) -> _Command:
    return click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")(
        command
    )


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--only", multiple=True, metavar="EXPERIMENT", help="Run only this experiment (may be repeated).")
@click.option("--skip", multiple=True, type=click.Choice(PARTS), help="Leave a part out (may be repeated).")
@click.option("--long", is_flag=True, help="Run the experiments that are marked as long, too.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--against", type=click.Path(path_type=Path), metavar="JOURNAL",
              help="Fail on what is new only: what was red in that run is told as known.")  # fmt: skip
@_TELLING
@_neighbours
@_again
@_tls
@click.pass_context
def run(
    context: click.Context,
    system: Path | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    directory: Path | None,
    seed: int | None,
    against: Path | None,
    neighbours: str | None,
    again: int,
    *,
    notify: bool,
    long: bool,
    tls: bool,
) -> None:
    """The main job: start the SYSTEM, verify its pacts, break it under load, fuzz it, and judge."""
    parts = frozenset(PARTS) - frozenset(skip)
    if not parts:
        message = "nothing is left to run; skip fewer parts"
        raise click.UsageError(message)
    options = _options(
        system, parts=parts, only=only, long=long, directory=directory, seed=seed, tls=tls, neighbours=neighbours
    )
    context.exit(_run(replace(options, against=against, again=again), title="the run" if notify else ""))


@click.command()
@click.argument("description", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--provider", "providers", multiple=True, help="Verify only this provider (may be repeated).")
@click.option("--consumer", help="Verify only the pacts of this consumer.")
@click.option("--pacts", metavar="DIR|URL", help="The published pacts: a folder, or a Pact Broker.")
@_common
@with_records
@click.pass_context
def verify(
    context: click.Context,
    description: Path | None,
    system: Path | None,
    providers: tuple[str, ...],
    consumer: str | None,
    pacts: str | None,
    directory: Path | None,
    seed: int | None,
    *,
    records: Records,
    tls: bool,
) -> None:
    """Verify the consumers' pacts against the running providers.

    DESCRIPTION is a system.yaml; or a service.yaml, whose service is verified alone, stubs as its providers.
    """
    from harness.cli.verifying_alone import describes_one_service, folder_of, verify_lone

    system = description or system
    if system is not None and describes_one_service(system):
        if records.wanted:
            message = f"{system} describes one service, verified alone: --ledger and --broker go with a whole system"
            raise click.UsageError(message)
        context.exit(
            verify_lone(system, pacts, providers=providers, consumer=consumer, directory=directory, seed=seed, tls=tls)
        )
    options = _options(
        system,
        parts=frozenset({"verify"}),
        services=providers,
        consumer=consumer,
        pacts=folder_of(pacts),
        directory=directory,
        seed=seed,
        tls=tls,
    )
    context.exit(verify_recorded(records, options) if records.wanted else _run(options))


@click.command()
@click.argument("services", nargs=-1)
@consumer_options
@fuzz_options
@_common
@click.pass_context
def fuzz(
    context: click.Context,
    services: tuple[str, ...],
    consumer: ConsumerChoice | None,
    system: Path | None,
    directory: Path | None,
    seed: int | None,
    *,
    much: FuzzOptions,
    tls: bool,
) -> None:
    """Fuzz the OpenAPI documents of all SERVICES, or of those named; or one of their consumers."""
    if consumer is not None:
        refuse_both(services, tls=tls)
        refuse_much(much)
        context.exit(fuzz_consumer(consumer, system=system, directory=directory, seed=seed))
    options = _options(
        system, parts=frozenset({"fuzz"}), services=services, directory=directory, seed=seed, tls=tls, much=much
    )
    context.exit(_run(options))


@click.group()
def chaos() -> None:
    """Experiments: break the system under load and judge what its customers saw."""


chaos.add_command(matrix)
chaos.add_command(schema)
chaos.add_command(contracts)
chaos.add_command(roll)
chaos.add_command(shrink)


@chaos.command("run")
@click.argument("names", nargs=-1, metavar="[FILE|NAME]... [SYSTEM]")
@click.option("--dry-run", is_flag=True, help="Tell what would be done and touched; start nothing.")
@click.option("--repeat", type=click.IntRange(1, MAX_REPEATS), default=1, help="Run each experiment so many times.")
@_TELLING
@_neighbours
@_again
@_common
@click.pass_context
def chaos_run(
    context: click.Context,
    names: tuple[str, ...],
    system: Path | None,
    directory: Path | None,
    seed: int | None,
    neighbours: str | None,
    again: int,
    *,
    notify: bool,
    dry_run: bool,
    repeat: int,
    tls: bool,
) -> None:
    """Run all experiments, or those named, or those in the named files (YAML, or Python).

    SYSTEM is a system.yaml, or the folder of one. Exit code 3: a guard stopped an experiment.
    """
    described, wanted = _described(names)
    if described is not None and system is not None:
        message = f"the system is named twice: {described}, and --system {system}"
        raise click.UsageError(message)
    asked = _options(
        described or system,
        parts=frozenset({"chaos"}),
        only=wanted,
        directory=directory,
        seed=seed,
        tls=tls,
        repeat=repeat,
        neighbours=neighbours,
    )
    options = replace(asked, again=again)
    context.exit(_preview(options) if dry_run else _run(options, title="the chaos run" if notify else ""))


def _described(names: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
    """The description among what was named, and the rest: a folder, or a system.yaml."""
    found = [each for each in names if Path(each).name == "system.yaml" or Path(each).is_dir()]
    if len(found) > 1:
        message = f"expected one system, found {' and '.join(found)}"
        raise click.UsageError(message)
    return (Path(found[0]) if found else None), tuple(each for each in names if each not in found)


def _preview(options: Options) -> int:
    from harness.engine.prepare import prepare
    from harness.engine.preview import preview

    plan = prepare(options)
    for line in preview(plan.topology, plan.experiments, again=options.again):
        click.echo(line)
    return 0


def _run(options: Options, *, title: str = "") -> int:
    """Run it; people are told of what has a title."""
    return asyncio.run(_drive(options, title))


def _options(
    system: Path | None,
    *,
    parts: frozenset[str],
    directory: Path | None,
    seed: int | None,
    tls: bool,
    only: tuple[str, ...] = (),
    services: tuple[str, ...] = (),
    consumer: str | None = None,
    pacts: Path | None = None,
    much: FuzzOptions | None = None,
    repeat: int = 1,
    long: bool = True,
    neighbours: str | None = None,
) -> Options:
    from harness.engine.fuzzing import FuzzOptions
    from harness.engine.prepare import Options
    from harness.engine.session import Settings
    from harness.model.neighbours import Neighbours

    return Options(
        system=system_path(system),
        parts=parts,
        only=only,
        repeat=repeat,
        long=long,
        services=services,
        consumer=consumer,
        pacts=pacts,
        fuzzing=much or FuzzOptions(),
        settings=Settings(
            directory=directory, seed=seed, tls=tls, neighbours=Neighbours(neighbours) if neighbours else None
        ),
    )


async def _drive(options: Options, title: str) -> int:
    from harness.cli.history import beside
    from harness.engine.run import run as engine_run
    from harness.engine.told_run import run_told
    from harness.report import write_reports
    from harness.report.terminal import render

    console = Console()
    work = run_told(options, title=title, say=console.say) if title else engine_run(options, say=console.say)
    result: RunResult = await until_interrupted(work)
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code

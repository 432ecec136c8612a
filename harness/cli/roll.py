"""`harness chaos roll`: restart a service under load, or roll it to another version, an instance at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.contracts import Length

if TYPE_CHECKING:
    from harness.engine.prepare import Options, Plan
    from harness.model.quantity import Duration

MAX_SEED = 2**31 - 1


@click.command("roll")
@click.argument("service")
@click.option("--to", metavar="VERSION", default="", help="One of its 'versions' in system.yaml.")
@click.option("--restart", is_flag=True, help="Start its instances again as they are.")
@click.option("--back", is_flag=True, help="Then roll it back.")
@click.option("--for", "lasts", type=Length(), help="Spread the instances over so long (`60s`).")
@click.option("--system", type=click.Path(path_type=Path), help="The description (default: system.yaml here).")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")
@click.pass_context
def roll(
    context: click.Context,
    service: str,
    to: str,
    lasts: Duration | None,
    system: Path | None,
    directory: Path | None,
    seed: int | None,
    *,
    restart: bool,
    back: bool,
    tls: bool,
) -> None:
    """Roll SERVICE under load: each instance drains, ends and is started again, one after another.

    \b
      harness chaos roll orders --restart
      harness chaos roll pricing --to 1.1.0 --back

    Green when no answer was wrong while both versions were there, everybody is served as before in the end, and
    nothing was lost.
    """  # noqa: D301 -- \b is click's
    from harness.engine.prepare import Options
    from harness.engine.roll import RollAsked, alone, plan_roll
    from harness.engine.session import Settings

    if bool(to) == restart:
        message = "expected either --to VERSION or --restart"
        raise click.UsageError(message)
    if back and not to:
        message = "--back goes with --to: a restart changes nothing that could be rolled back"
        raise click.UsageError(message)
    options = Options(
        system=system_path(system),
        parts=frozenset({"chaos"}),
        settings=Settings(directory=directory, seed=seed, tls=tls),
    )
    plan = plan_roll(options, RollAsked(service=service, to=to, back=back, lasts_s=float(lasts or 0.0)))
    warning = alone(plan.topology, service)
    if warning:
        click.echo(warning)
    context.exit(asyncio.run(_drive(options, plan)))


async def _drive(options: Options, plan: Plan) -> int:
    from harness.cli.history import beside
    from harness.engine.run import run
    from harness.report import write_reports
    from harness.report.terminal import render

    console = Console()
    result = await until_interrupted(run(options, plan=plan, say=console.say))
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code

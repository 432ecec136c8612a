"""`harness chaos contracts`: each own edge of a service broken in each way, and its answers held to its contracts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.model.matrix import LINE_KINDS, Kind
from harness.model.quantity import Duration

if TYPE_CHECKING:
    from harness.engine.under_fault import UnderFaultOptions

MAX_SEED = 2**31 - 1
NAMES = tuple(kind.value for kind in LINE_KINDS)


class Length(click.ParamType[Duration]):
    """`10m`, `800 ms`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        """What was meant."""
        try:
            return value if isinstance(value, Duration) else Duration.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("contracts")
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--service", "services", multiple=True, help="Only this service (may be repeated).")
@click.option("--edge", "edges", multiple=True, metavar="'A->B'", help="Only this edge of A (may be repeated).")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(NAMES), help="Only this kind of failure (may be repeated)."
)
@click.option("--budget", type=Length(), default="10m", show_default=True, help="Of all asking.")
@click.option("--deadline", type=Length(), help="Of the answers; without it, as long as any consumer waits.")
@click.option("--pacts/--no-pacts", default=True, show_default=True, help="Verify the pacts under each fault too.")
@click.option("--cases/--no-cases", default=True, show_default=True,
              help="Have Schemathesis find requests besides those of pacts and examples.")  # fmt: skip
@click.option("--recover-within", type=click.FloatRange(0.1, 600), default=10.0, show_default=True,
              help="Seconds that the answers may take to be as before once a fault is gone.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write findings there.")
@click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")
@click.pass_context
def contracts(
    context: click.Context,
    system: Path | None,
    services: tuple[str, ...],
    edges: tuple[str, ...],
    kinds: tuple[str, ...],
    budget: Duration,
    deadline: Duration | None,
    recover_within: float,
    seed: int | None,
    directory: Path | None,
    json_file: Path | None,
    *,
    pacts: bool,
    cases: bool,
    tls: bool,
) -> None:
    """Do the services of the SYSTEM keep to their own contracts while something that they use is broken?

    Healthy answers are recorded, asked for again under each fault on each own edge of a service, and compared.
    """
    from harness.engine.session import Settings
    from harness.engine.under_fault import UnderFaultOptions

    options = UnderFaultOptions(
        system=system_path(system),
        services=services,
        edges=tuple(each.replace(" ", "").replace("→", "->") for each in edges),
        kinds=tuple(Kind(each) for each in kinds),
        budget_s=float(budget),
        deadline=deadline,
        pacts=pacts,
        cases=cases,
        recover_within_s=recover_within,
        settings=Settings(directory=directory, seed=seed, tls=tls),
    )
    context.exit(asyncio.run(_drive(options, json_file)))


async def _drive(options: UnderFaultOptions, json_file: Path | None) -> int:
    from harness.cli.history import beside
    from harness.engine.under_fault import run_under_fault
    from harness.report import write_reports
    from harness.report.terminal import render
    from harness.report.under_fault_json import write

    console = Console()
    result = await until_interrupted(run_under_fault(options, say=console.say))
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    write(result.events, json_file or result.directory / "under-fault.json")
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code

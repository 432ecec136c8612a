"""`harness sandbox`: one service up alone, stubs from its own pacts in the places of its providers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.port_option import PortCommand, PortOption
from harness.cli.standing import Standing
from harness.cli.up import Lines, stay, watch

if TYPE_CHECKING:
    from harness.engine.sandbox import SandboxOptions, SandboxPlan
    from harness.engine.session import Session


@click.command(cls=PortCommand)
@click.argument("service")
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--state", "states", multiple=True, metavar="[PROVIDER:] STATE",
              help="The provider state, or the interaction, that a stub plays (may be repeated).")  # fmt: skip
@click.option("--loose", is_flag=True, help="Let a request differ from an interaction in values, not in types.")
@click.option("--debug", "debug", cls=PortOption, otherwise=0,
              help="Start it under debugpy, which waits for a debugger on that port, or on any.")  # fmt: skip
@click.option("--pacts", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Where the published pacts are, when not in contracts/pacts.")  # fmt: skip
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
def sandbox(
    service: str,
    system: Path | None,
    states: tuple[str, ...],
    debug: int | None,
    pacts: Path | None,
    directory: Path | None,
    *,
    loose: bool,
) -> None:
    """Bring up one SERVICE alone, with its own stores, until Ctrl-C or `harness down`.

    Each of its providers is a stub made from its own pact with it, behind its edge, so that `harness inject` works.
    A file in the run's directory chooses the provider states; it is read again for each request.
    SYSTEM is a system.yaml, or a service.yaml.
    """
    from harness.engine.sandbox import SandboxOptions

    options = SandboxOptions(
        system=system_path(system),
        service=service,
        states=states,
        loose=loose,
        debug_port=debug,
        directory=directory,
        pacts=pacts,
    )
    asyncio.run(_stand(options))


async def _stand(options: SandboxOptions) -> None:
    from harness.cli.opened import of_session
    from harness.clock import SystemClock
    from harness.engine.sandbox import Following, open_sandbox, plan_sandbox
    from harness.faults import fault_table

    console = Console()
    plan, faults = plan_sandbox(options), fault_table()
    for line in _table(plan):
        click.echo(line)
    if plan.debugger:
        click.echo(f"\n{plan.lone.name} waits for a debugger at {plan.debugger} (debugpy); attach, and it goes on")
    session = await until_interrupted(open_sandbox(plan, say=console.say))
    opened, lines = of_session(session, faults), Lines()
    following = Following(plan=plan, clock=SystemClock(), say=console.say)

    def announce(standing: Standing) -> None:
        lines.show(standing.rows)
        for line in _where(plan, session, standing.entry):
            click.echo(line)

    async def keep(standing: Standing) -> None:
        await asyncio.gather(watch(opened, standing, lines.show), following.follow())

    await stay(opened, announce, keep)


def _table(plan: SandboxPlan) -> list[str]:
    """What is played, from what."""
    lone = plan.lone
    rows = [
        ("provider", "owner", "stub from"),
        *((each.provider, each.owner, each.made_from) for each in plan.stand_ins),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    played = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    stores = ", ".join(plan.topology.system.stores) or "none"
    return [f"{lone.name} alone; its own stores: {stores}", *(played if plan.stand_ins else ["it needs no service"])]


def _where(plan: SandboxPlan, session: Session, entry: str) -> list[str]:
    from harness.engine.sandbox import headers_file

    headers = headers_file(session)
    lines = ["", f"{plan.lone.name} is at {entry}"]
    if headers is not None:
        lines.append(f"it knows you by: curl -H @{headers} {entry}/…")
    if plan.stand_ins:
        provider = plan.stand_ins[0].provider
        lines.append(f"states are chosen in {plan.choices}, or for one request by the header Pact-Provider-State")
        lines.append(f"break an edge: harness inject '{plan.lone.name}->{provider}' latency=2s")
    return [*lines, "Ctrl-C or `harness down` stops it all; what nothing matches is told here"]

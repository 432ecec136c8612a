"""`harness load`: put load on a system, or on what already runs, and judge its figures.

The generator's process is started before anything else is imported here: what it imports takes the longest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from harness.cli.load_options import MAX_RATE, MAX_WORKERS, loaded, of_run, refuse_both
from harness.cli.port_option import PortCommand, PortOption

if TYPE_CHECKING:
    from harness.cli.console import Console
    from harness.cli.page.page import Page
    from harness.engine.concluding import RunResult
    from harness.engine.load_plan import LoadAsked, LoadRun
    from harness.load.fleet import FleetPlan
    from harness.load.warm import WarmGenerator

MAX_USERS = 10_000
SHORTEST_S = 1.0
"""Figures are asked of whole seconds."""
UI_PORT = 8089
"""Locust's own."""
UI_LENGTH_S = 3600.0
"""How long a load is that somebody steers, and ends when they like."""
MASTERS_PORT = 5557
"""Locust's own."""
COLLECT_AT = 50_000
"""New objects at which garbage is looked for: what is imported stays, and to look through it again takes its time."""

RUN = "run"
"""What is meant when no other command is named."""

COMMANDS = {
    "capacity": ("harness.cli.load_capacity:capacity", "How much a system bears, and what more would take."),
    "compare": ("harness.cli.load_compare:compare", "Hold two runs against each other, by their journals."),
    "worker": ("harness.cli.load_worker:worker", "Lend this machine to a master: its share of the load."),
}


class LoadFront(click.Group):
    """Its own command, unless one of the others is named first; imports one when it is called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Whatever does not begin with the name of another command is for the run."""
        return super().parse_args(ctx, args if args[:1] in [[each] for each in ctx.help_option_names] else _named(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The run, unless another is named."""
        return super().resolve_command(ctx, _named(args))

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the others."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None when there is none."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Of the run, and of the others."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] [SYSTEM]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix="  or:  ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Those of the run, then the other commands, without importing them."""
        self.commands[RUN].format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _named(args: list[str]) -> list[str]:
    """With the name of the command first."""
    return args if args and (args[0] in COMMANDS or args[0] == RUN) else [RUN, *args]


def _length(text: str | None) -> float | None:
    """The seconds of `60s`; raises click.BadParameter."""
    if text is None:
        return None
    from harness.model.quantity import Duration

    hint = "'--for'"
    try:
        length_s = float(Duration.parse(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=hint) from None
    if length_s < SHORTEST_S:
        message = f"expected at least {SHORTEST_S:g} s, found {text!r}"
        raise click.BadParameter(message, param_hint=hint)
    return length_s


@click.group(cls=LoadFront)
def load() -> None:
    """Put load on a SYSTEM, or on what already runs, and judge its figures.

    \b
      harness load --rate 50 --for 60s --expect 'checkout.p99 < 800ms'
      harness load path/to/system.yaml --profile spike
      harness load --host http://127.0.0.1:8000 --locustfile my.py --rate 20

    The load is open: journeys are due at their times whether or not answers come, and latency counts from then.
    Exit codes: 0 every threshold is kept, 1 one is not, 2 nobody knows or bad input, 130 interrupted.
    """  # noqa: D301 -- \b is click's


@load.command(RUN, cls=PortCommand, hidden=True)
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--profile", default="", metavar="FILE|NAME", help="How the load goes over time; see docs/load.md.")
@click.option("--rate", type=click.FloatRange(0, MAX_RATE, min_open=True), help="Journeys a second.")
@click.option("--for", "lasts", metavar="DURATION", help="For how long (`60s`).")
@click.option("--users", type=click.IntRange(1, MAX_USERS),
              help="So many closed users in place of a rate: each waits for its answers.")  # fmt: skip
@click.option("--expect", multiple=True, metavar="THRESHOLD",
              help="What must hold: 'checkout.p99 < 800ms', 'browse.failed < 1% spike' (may be repeated).")  # fmt: skip
@loaded
@click.option("--master", is_flag=True, help="Wait for generators on other machines: harness load worker --join.")
@click.option("--workers", type=click.IntRange(1, MAX_WORKERS), help="With --master: for so many.  [default: 1]")
@click.option("--bind", metavar="ADDRESS[:PORT]", help="With --master: where it listens.  [default: 127.0.0.1]")
@click.option("--ui", "ui", cls=PortOption, otherwise=UI_PORT,
              help="Show Locust's page with a Chaos tab, on this machine only.  [default port: 8089]")  # fmt: skip
@click.option("--system", "described", type=click.Path(path_type=Path), hidden=True)
@of_run
@click.pass_context
def run(
    context: click.Context,
    system: Path | None,
    profile: str,
    rate: float | None,
    lasts: str | None,
    users: int | None,
    expect: tuple[str, ...],
    hosts: tuple[str, ...],
    journeys: Path | None,
    processes: int,
    workers: int | None,
    bind: str | None,
    ui: int | None,
    described: Path | None,
    directory: Path | None,
    seed: int | None,
    *,
    master: bool,
    tls: bool,
) -> None:
    """Put load on a SYSTEM, or on what already runs, and judge its figures."""
    system = system or described
    refuse_both(system, hosts)
    _refuse_two_loads(profile=profile, rate=rate, users=users, lasts=lasts)
    fleet = _fleet(processes, workers, bind, master=master)
    with _warmed(hosts, journeys, fleet) as warm:
        import asyncio
        import gc

        gc.set_threshold(COLLECT_AT)

        from harness.cli.console import system_path
        from harness.engine.load_plan import LoadAsked
        from harness.engine.session import Settings

        length_s = _length(lasts)
        asked = LoadAsked(
            system=None if hosts else system_path(system),
            hosts=hosts,
            journeys=journeys,
            profile=profile,
            rate=rate,
            length_s=UI_LENGTH_S if ui is not None and length_s is None and not profile else length_s,
            users=users or 0,
            expect=expect,
            fleet=fleet,
            settings=Settings(directory=directory, seed=seed, tls=tls),
        )
        code = asyncio.run(_drive(asked, ui, warm))
    context.exit(code)


@contextmanager
def _warmed(hosts: tuple[str, ...], journeys: Path | None, fleet: FleetPlan | None) -> Iterator[WarmGenerator | None]:
    """The generator's process, which imports what it needs while all else here is imported, read and proved sound.

    None for a system that is to be brought up, which takes longer than that, and all that this machine has.
    """
    if not hosts or fleet is not None or journeys is None or not journeys.is_file():
        yield None
        return
    from harness.load.warm import WarmGenerator

    warm = WarmGenerator()
    try:
        yield warm
    finally:
        warm.close()


def _refuse_two_loads(*, profile: str, rate: float | None, users: int | None, lasts: str | None) -> None:
    said = [name for name, value in (("--rate", rate), ("--users", users), ("--for", lasts)) if value is not None]
    if profile and said:
        message = f"--profile says how the load goes: leave {' and '.join(said)} out, or --profile"
        raise click.UsageError(message)
    if rate is not None and users is not None:
        message = "expected either --rate (open arrivals) or --users (closed ones), found both"
        raise click.UsageError(message)


def _fleet(processes: int, workers: int | None, bind: str | None, *, master: bool) -> FleetPlan | None:
    if not master and (workers is not None or bind is not None):
        message = "--workers and --bind go with --master"
        raise click.UsageError(message)
    if not master and processes == 1:
        return None
    from harness.load.fleet import LOOPBACK, FleetPlan

    if not master:
        return FleetPlan(workers=processes)
    if processes > 1:
        message = "--master waits for generators that are started elsewhere: leave --processes out"
        raise click.UsageError(message)
    address, port = _bound(bind or LOOPBACK)
    return FleetPlan(workers=workers or 1, start=False, address=address, port=port)


def _bound(text: str) -> tuple[str, int]:
    """The address and the port of `ADDRESS[:PORT]`, an IPv6 address in brackets."""
    try:
        parts = urlsplit(f"//{text}")
        port = MASTERS_PORT if parts.port is None else parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if not parts.hostname or parts.path or parts.username:
        message = f"expected ADDRESS[:PORT], found {text!r}"
        raise click.BadParameter(message, param_hint="--bind")
    return parts.hostname, port


async def _drive(asked: LoadAsked, ui: int | None, warm: WarmGenerator | None) -> int:
    from harness.cli.console import Console, until_interrupted
    from harness.engine.load_plan import prepare_load

    prepared = prepare_load(asked)
    if ui is None:
        result, _ = await _run_and_tell(prepared, asked, Console(), None, warm)
        return result.exit_code
    from harness.cli.page.shown import shown
    from harness.engine.concluding import INTERRUPTED

    console = Console()
    async with shown(prepared, port=ui, say=console.say) as page:
        result, report = await _run_and_tell(prepared, asked, console, page, warm)
        page.end(f"{result.verdict}", report)
        if result.exit_code != INTERRUPTED:
            console.say("the page shows the report; it stays for as long as somebody looks at it, or until Ctrl-C")
            with suppress(click.Abort):
                await until_interrupted(page.linger(), saying="the page is closed")
    return result.exit_code


async def _run_and_tell(
    prepared: LoadRun, asked: LoadAsked, console: Console, page: Page | None, warm: WarmGenerator | None
) -> tuple[RunResult, Path]:
    from harness.cli.console import until_interrupted
    from harness.engine.load_run import load as engine_load

    loading = engine_load(prepared, asked.settings, say=console.say, onlooker=page, warm=warm)
    result = await until_interrupted(loading)
    from harness.cli.history import beside
    from harness.report import write_reports
    from harness.report.terminal import render

    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result, written[0]

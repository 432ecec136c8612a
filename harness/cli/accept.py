"""`harness accept`: take a red cell, or a red finding, on oneself until a day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from harness.cli.console import system_path


class Day(click.ParamType[dt.date]):
    """A day in ISO 8601."""

    name = "date"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Read it; fails the command when it is none."""
        try:
            return dt.date.fromisoformat(value)
        except (TypeError, ValueError):
            self.fail(f"expected a day such as 2027-01-31, found {value!r}", param, ctx)


@click.command()
@click.argument("name", metavar="CELL")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--why", required=True, help="Why it may stay red for a while.")
@click.option("--until", required=True, type=Day(), metavar="DATE", help="The last day on which it is accepted (UTC).")
@click.option("--system", type=click.Path(path_type=Path), help="The system.yaml; found by itself if there is one.")
def accept(name: str, owner: str, why: str, until: dt.date, system: Path | None) -> None:
    """Write into `chaos/accepted.yaml` that a red CELL does not make runs red until a day.

    CELL as it is shown: 'checkout, orders->payments refused'; or a finding of an experiment by experiment, check and
    subject: 'payments-killed availability checkout'. Accepting again renews.
    """
    from pydantic import ValidationError

    from harness.clock import SystemClock
    from harness.declare import load_system
    from harness.declare.accepted import add_waiver, waiver_of
    from harness.engine.excusing import names_of_experiments

    today = SystemClock().wall().astimezone(dt.UTC).date()
    if until < today:
        message = f"expected a day from today ({today.isoformat()}) on, found {until.isoformat()}: it would be expired"
        raise click.BadParameter(message, param_hint="--until")
    try:
        waiver = waiver_of(name, owner=owner.strip(), why=why.strip(), until=until)
    except ValidationError as error:
        first = error.errors()[0]
        where = first["loc"][0] if first["loc"] else name
        raise click.UsageError(f"{where}: expected one line of at most 500 letters: {first['msg']}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    topology = load_system(system_path(system))
    chaos = Path(topology.root) / topology.system.content.chaos
    experiments = names_of_experiments(chaos, topology, named=waiver.finding is not None)
    file = add_waiver(chaos, topology, experiments, waiver)
    click.echo(f"{file}: {waiver.name}, {waiver}")

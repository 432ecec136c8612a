"""`harness learn`: who calls whom, seen while journeys run, and written into the description."""

from __future__ import annotations

import asyncio
import difflib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted

if TYPE_CHECKING:
    from harness.declare.insertion import Inserted
    from harness.engine.learning import Learned

MOST_VISITS = 1000
MAX_SEED = 2**31 - 1


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--journey", "journeys", multiple=True, help="Run only this journey (may be repeated).")
@click.option("--visits", type=click.IntRange(1, MOST_VISITS), default=20, show_default=True, help="Of each journey.")
@click.option("--write", is_flag=True, help="Write the edges into the description; without it, only show them.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
def learn(
    system: Path | None,
    journeys: tuple[str, ...],
    visits: int,
    seed: int | None,
    directory: Path | None,
    *,
    write: bool,
) -> None:
    """Run the journeys of the SYSTEM, see who connects to whom, and add the edges that are not declared."""
    from harness.declare.insertion import insert_edges
    from harness.engine.learning import LearnOptions
    from harness.engine.learning import learn as engine_learn
    from harness.engine.session import Settings

    path = system_path(system)
    options = LearnOptions(
        system=path, journeys=journeys, visits=visits, settings=Settings(directory=directory, seed=seed)
    )
    console = Console()

    async def work() -> Learned:
        return await until_interrupted(engine_learn(options, say=console.say))

    learned = asyncio.run(work())
    before = path.read_text(encoding="utf-8")
    inserted = insert_edges(before, learned.edges, file=path)
    _tell(learned, inserted)
    _show(before, inserted, path, write=write)


def _tell(learned: Learned, inserted: Inserted) -> None:
    click.echo()
    for failure in learned.failures:
        click.echo(f"a visit failed: {failure}; what it would have called then was not seen")
    for name, count in sorted(learned.crossed.items()):
        if count:
            click.echo(f"{name}: declared, connections seen: {count}")
    for name in learned.uncrossed:
        click.echo(f"{name}: declared, none seen; other journeys may cross it, or it under a fault only")
    for edge, why in inserted.refused:
        click.echo(f"{edge.consumer}->{edge.provider}: {edge.why}, but it can't be written: {why}")
    for remark in learned.remarks:
        click.echo(remark)


def _show(before: str, inserted: Inserted, path: Path, *, write: bool) -> None:
    if not inserted.edges:
        click.echo("no new edge was seen")
        return
    old, new = before.splitlines(keepends=True), inserted.text.splitlines(keepends=True)
    click.echo()
    click.echo("".join(difflib.unified_diff(old, new, str(path), str(path))).rstrip("\n"))
    click.echo()
    if not write:
        click.echo(f"nothing was written; `harness learn {path} --write` writes it")
        return
    whole = path.resolve()
    beside = whole.with_name(f".{whole.name}.new")
    beside.write_text(inserted.text, encoding="utf-8")
    shutil.copymode(whole, beside)
    beside.replace(whole)
    click.echo(f"wrote {len(inserted.edges)} new edge(s) into {path}")

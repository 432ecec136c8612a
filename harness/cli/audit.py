"""`harness audit`: is it a system of services, or one program in many processes?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.model.audit import Answer, Trait

if TYPE_CHECKING:
    from harness.model.audit import AuditEvidence

MOST_VISITS = 1000
MAX_SEED = 2**31 - 1
ANY = "any"
KINDS = (*(trait.value for trait in Trait), ANY)


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--run", "run", type=click.Path(path_type=Path), metavar="DIRECTORY|JOURNAL",
              help="Audit what that run has seen; nothing is started.")  # fmt: skip
@click.option("--declared", is_flag=True, help="Audit the description only; nothing is started.")
@click.option("--journey", "journeys", multiple=True, help="Run only this journey (may be repeated).")
@click.option("--visits", type=click.IntRange(1, MOST_VISITS), default=5, show_default=True, help="Of each journey.")
@click.option("--fail-on", "fail_on", multiple=True, type=click.Choice(KINDS),
              help="Exit with 1 when this was found (may be repeated).")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write JSON there.")
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Also write there what is printed.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.pass_context
def audit(
    context: click.Context,
    system: Path | None,
    run: Path | None,
    journeys: tuple[str, ...],
    visits: int,
    fail_on: tuple[str, ...],
    json_file: Path | None,
    markdown_file: Path | None,
    seed: int | None,
    directory: Path | None,
    *,
    declared: bool,
) -> None:
    """Tell what makes the SYSTEM a distributed monolith: seven traits, each with its evidence and its owners.

    Runs the journeys a few times; what was not seen is UNKNOWN, never absent. Exits with 0 whatever it finds, unless
    --fail-on names it.
    """
    from harness.checkers.audit import audit as checked
    from harness.engine.auditing import AuditOptions, declared_only, of_run, run_audit
    from harness.engine.session import Settings
    from harness.report.audit import JSON_NAME, MARKDOWN_NAME, as_json, as_markdown

    if run is not None and declared:
        message = "--run and --declared exclude each other"
        raise click.UsageError(message)
    path, place = system_path(system), None
    if declared:
        evidence = declared_only(path)
    elif run is not None:
        evidence = of_run(path, run)
    else:
        options = AuditOptions(
            system=path, journeys=journeys, visits=visits, settings=Settings(directory=directory, seed=seed)
        )

        async def work() -> tuple[AuditEvidence, Path]:
            return await until_interrupted(run_audit(options, say=Console(err=True).say))

        evidence, place = asyncio.run(work())
    answers = checked(evidence)
    text = as_markdown(evidence.topology.name, evidence.source, answers)
    document = as_json(evidence.topology.name, evidence.source, answers)
    for file, content in ((json_file, document), (markdown_file, text)):
        _write(file, content)
    if place is not None:
        _write(place / JSON_NAME, document)
        _write(place / MARKDOWN_NAME, text)
    click.echo(text, nl=False)
    if place is not None:
        click.echo(f"\nwritten to {place / MARKDOWN_NAME} and {place / JSON_NAME}", err=True)
    found = {each.trait.value for each in answers if each.answer is Answer.FOUND}
    context.exit(int(bool(found & {*fail_on} or (found and ANY in fail_on))))


def _write(file: Path | None, content: str) -> None:
    from harness.errors import HarnessError

    if file is None:
        return
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        message = f"{file} can't be written: {error.strerror}; name another file"
        raise HarnessError(message) from error

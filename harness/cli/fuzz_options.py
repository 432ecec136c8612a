"""The options of `harness fuzz` that say how much of services is tried, and against what it is held."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from harness.cli.contracts import Length
from harness.model.quantity import Duration

if TYPE_CHECKING:
    from harness.engine.fuzzing import FuzzOptions

MOST_EXAMPLES = 10_000
EXAMPLES = 25
"""Cases of each operation and phase, unless others are asked for."""

_Result = TypeVar("_Result")


def fuzz_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """The options; the command gets them together, as its `much`."""

    @click.option("--operation", "operations", multiple=True, metavar="'GET /x'", help="Only this (repeatable).")
    @click.option("--examples", type=click.IntRange(1, MOST_EXAMPLES), default=EXAMPLES, show_default=True,
                  help="Cases of each operation and phase.")  # fmt: skip
    @click.option("--budget", type=Length(), metavar="TIME", help="As `60s`: what is not done by then is UNKNOWN.")
    @click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="File of known findings.")
    @click.option("--write-baseline", is_flag=True, help="With --baseline: what is found is known from now on.")
    @click.option("--hostile/--no-hostile", default=True, show_default=True,
                  help="Then send hostile requests: SQL, oversize, forged and foreign identities.")  # fmt: skip
    @functools.wraps(command)
    def with_options(
        *arguments: object,
        operations: tuple[str, ...],
        examples: int,
        budget: Duration | None,
        baseline: Path | None,
        write_baseline: bool,
        hostile: bool,
        **others: object,
    ) -> _Result:
        from harness.engine.fuzzing import FuzzOptions

        if write_baseline and baseline is None:
            message = "--write-baseline goes with --baseline FILE"
            raise click.UsageError(message)
        much = FuzzOptions(
            budget_s=None if budget is None else float(budget),
            examples=examples,
            operations=operations,
            baseline=baseline,
            write_baseline=write_baseline,
            hostile=hostile,
        )
        return command(*arguments, much=much, **others)

    return with_options


def refuse_much(much: FuzzOptions) -> None:
    """Raise UsageError for options that go with services, given with a consumer."""
    from harness.engine.fuzzing import FuzzOptions

    if much != FuzzOptions():
        message = "--operation, --examples, --budget, --baseline and --no-hostile go with services, not with --consumer"
        raise click.UsageError(message)

"""Runs the verifications that an answer lacks, where what is checked out is the version that lacks them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.contracts.ledger.answer import Answer, Pair
from harness.engine.checkout import Checkout
from harness.engine.prepare import Options
from harness.engine.recorded_verify import Recorded, Sourced, verify_sourced
from harness.engine.session import Say

Source = Callable[[Pair], Awaitable[Sourced]]
Write = Callable[[Recorded, str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was done about an answer."""

    verified: tuple[Pair, ...] = ()
    left: tuple[str, ...] = ()
    """Why others were not."""


async def fill(  # noqa: PLR0913 -- all by keyword, and each is a thing of its own
    answer: Answer,
    *,
    options: Options,
    services: frozenset[str],
    checkout: Checkout,
    source: Source,
    write: Write,
    say: Say,
) -> Filled:
    """Verify what is missing.

    Args:
        answer: what was answered; its fillable pairs are those that lack a verification.
        options: the description, and where the run's files go.
        services: those that the description can start.
        checkout: what is checked out.
        source: gives what the consumer of a pair relies on.
        write: keeps the results, which are of a version of the providers.
        say: told what is done.

    Raises:
        HarnessError: as `verify_sourced`.
    """
    left: list[str] = []
    wanted: dict[str, list[Pair]] = defaultdict(list)
    for pair in answer.pairs:
        if not pair.fillable:
            continue
        why = f"{pair.provider} is not in {options.system}" if pair.provider not in services else ""
        why = why or checkout.why_not(pair.provider_version)
        if why:
            left.append(f"not filled: {pair.label}: {why}; where it is: {pair.settle}")
        else:
            wanted[pair.provider_version].append(pair)
    done: list[Pair] = []
    for number, (version, pairs) in enumerate(wanted.items(), start=1):
        say(f"filling: {', '.join(pair.label for pair in pairs)}")
        turn = replace(_in_turn(options, number), version=version)
        recorded = await verify_sourced(turn, [await source(pair) for pair in pairs], say=say)
        await write(recorded, version)
        done += pairs
        left += [f"not filled: {problem}" for problem in recorded.problems]
    return Filled(verified=tuple(done), left=tuple(left))


def _in_turn(options: Options, number: int) -> Options:
    """A directory of its own for each run, when one was named."""
    directory: Path | None = options.settings.directory
    if directory is None or number == 1:
        return options
    turn = directory.with_name(f"{directory.name}-fill-{number}")
    return replace(options, settings=replace(options.settings, directory=turn))


def lacking(answer: Answer) -> Sequence[Pair]:
    """The pairs that a verification would settle."""
    return [pair for pair in answer.pairs if pair.fillable]

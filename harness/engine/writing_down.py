"""Writes what came of a verification into a ledger, or to a broker; what was not compared is never written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.clock import Clock
from harness.contracts.broker.broker import Broker
from harness.contracts.ledger.entries import Verified
from harness.contracts.ledger.store import add_content, add_entry, no_earlier, read_ledger
from harness.engine.recorded_verify import Outcomes, Recorded


def write_to_ledger(recorded: Recorded, directory: Path, *, version: str, branch: str, clock: Clock) -> Iterator[str]:
    """Write an entry for each content, and tell of it.

    Raises:
        HarnessError: when the ledger can't be read or written.
    """
    at = no_earlier(read_ledger(directory), clock.wall())
    for each in recorded.outcomes:
        if not each.compared:
            yield f"{_pair(each)}: nothing was compared, so nothing was written"
            continue
        content = add_content(directory, each.sourced.document)
        entry = Verified(
            at=at,
            consumer=each.pact.consumer,
            provider=each.pact.provider,
            version=version,
            branch=branch,
            content=content,
            owner=each.owner,
            outcomes=each.outcomes,
        )
        yield f"{_pair(each)}: {_counted(each)}: {add_entry(directory, entry)}"


async def write_to_broker(recorded: Recorded, broker: Broker, *, version: str, branch: str) -> tuple[str, ...]:
    """Publish what came of each pact that the broker gave; raises BrokerError when it refuses."""
    given = [(each, each.sourced.fetched) for each in recorded.outcomes if each.sourced.fetched is not None]
    if branch:
        for provider in sorted({each.pact.provider for each, _ in given}):
            await broker.put_on_branch(provider, version, branch)
    told = []
    for each, fetched in given:
        held = await broker.publish_result(fetched, version, each.outcomes)
        words = {True: "published: held", False: "published: broken", None: "not all was compared: not published"}
        told.append(f"{_pair(each)}: {_counted(each)}: {words[held]}")
    return tuple(told)


def _pair(each: Outcomes) -> str:
    pending = " (pending)" if each.sourced.pending else ""
    return f"{each.sourced.told} → {each.pact.provider}{pending}"


def _counted(each: Outcomes) -> str:
    return f"{each.compared} of {len(each.outcomes)} interactions compared"

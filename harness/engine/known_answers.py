"""What a service answers while nothing is broken: requests are found, asked, and kept when their answers repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.checkers.clean_class import described
from harness.checkers.differential import Due, lateness
from harness.contracts.conformance import Conformance
from harness.contracts.replay.cases import REPORT, of_report, recording
from harness.contracts.replay.operations import Operations
from harness.engine.asking import Asker
from harness.engine.session import Session
from harness.model.observation import AnswerClass, DistinctAnswer
from harness.model.replayed import Asked, Healthy
from harness.model.visits import Exchange

RECORD_WITHIN_S = 60.0
"""For how long Schemathesis may look for requests."""
PASSES = 3
"""Over all candidates: the first warms up, and the answers of the others must be of one class."""
MOST_OF_SUCCESS, MOST_OF_REFUSAL = 2, 1
"""Requests of an operation that are kept, by what they are answered without a fault."""
_SERVER_ERROR = 500
_SUCCESS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The service whose answers are looked at."""

    name: str
    url: str
    owner: str
    deadline_s: float
    edges: tuple[str, ...]
    """Its own: those to the services and stores that it uses."""
    document: str
    """Where its OpenAPI document is; empty when it has none."""
    operations: Operations
    conformance: Conformance | None

    def due(self, asked: Asked) -> Due:
        """What the answers to a request are held to."""
        declared = self.conformance.declared(asked.method, asked.path) if self.conformance else frozenset()
        return Due(deadline_s=self.deadline_s, documented=self.conformance is not None, declared=declared)

    def problems(self, exchange: Exchange) -> tuple[str, ...] | None:
        """In what an answer differs from the document; None when nothing can tell."""
        if self.conformance is None or exchange.trouble is not None or exchange.status is None:
            return None
        return self.conformance.problems(
            DistinctAnswer(
                t=0.0,
                journey=self.name,
                request=exchange.step,
                method=exchange.method,
                path=exchange.path,
                status=exchange.status,
                answer=AnswerClass.FULL,
                shape="",
                content_type=exchange.headers.get("content-type", ""),
                headers=dict(exchange.headers),
                body=exchange.body.decode(errors="replace"),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a service is known to answer, and what could not be got to know."""

    healthy: tuple[Healthy, ...]
    dropped: dict[str, str] = field(default_factory=dict)
    """Operation → why none of its requests is kept."""

    def lacking(self, operations: Operations) -> frozenset[str]:
        """Operations that no request is known for that is answered with success."""
        answered = {each.asked.operation for each in self.healthy if each.hundred == _SUCCESS}
        return frozenset(each.name for each in operations.known) - answered


async def cases_of(session: Session, provider: Provider) -> tuple[tuple[Asked, ...], str]:
    """Requests that Schemathesis found, and why there are perhaps not all of them."""
    directory = session.directory / "under-fault" / f"cases-{provider.name}"
    spec = recording(
        service=provider.name,
        url=provider.url,
        document=provider.document,
        directory=directory,
        seed=session.seed,
        credentials=session.credentials,
    )
    process = await session.supervisor.spawn(spec)
    trouble = ""
    try:
        await asyncio.wait_for(process.wait(), RECORD_WITHIN_S)
    except TimeoutError:
        trouble = f"Schemathesis was stopped after {RECORD_WITHIN_S:g} s"
    finally:
        if process.returncode is None:
            await process.stop(grace_s=0.5)
    found = await asyncio.to_thread(
        lambda: tuple(of_report(directory / REPORT, provider.operations, session.credentials))
    )
    if not found:
        trouble = trouble or f"Schemathesis found no request; see {spec.log}"
    return found, trouble


async def get_to_know(provider: Provider, asker: Asker, candidates: Sequence[Asked]) -> Known:
    """Ask all candidates several times while nothing is broken, and keep a few whose answers are of one class."""
    passes = [[await asker.ask(each) for each in candidates] for _ in range(PASSES)]
    kept: dict[str, list[Healthy]] = {}
    dropped: dict[str, str] = {}
    for asked, *exchanges in zip(candidates, *passes, strict=True):
        why = unfit(exchanges[1:], provider.deadline_s)
        if why:
            dropped.setdefault(asked.operation, why)
            continue
        problems = frozenset(each for one in exchanges for each in provider.problems(one) or ())
        kept.setdefault(asked.operation, []).append(
            Healthy(asked=asked, exchanges=tuple(exchanges[1:]), problems=problems)
        )
    for operation in provider.operations.known:
        if operation.name not in kept:
            dropped.setdefault(operation.name, "no request is known that it could be asked")
    chosen = [each for some in kept.values() for each in choose(some)]
    return Known(
        healthy=tuple(sorted(chosen, key=lambda each: each.asked.risk)),
        dropped={name: why for name, why in dropped.items() if name not in kept},
    )


def unfit(exchanges: Sequence[Exchange], deadline_s: float) -> str:
    """Why a request is no measure of health; empty when it is."""
    for each in exchanges:
        if late := lateness(each, deadline_s):
            return f"{described(each)} without any fault: {late}"
        if each.trouble is not None or (each.status or 0) >= _SERVER_ERROR:
            return f"{described(each)} without any fault"
        if each.degraded:
            return f"{described(each)}: marked as degraded without any fault"
    if len({(each.status or 0) // 100 for each in exchanges}) > 1:
        told = ", ".join(str(each.status) for each in exchanges)
        return f"{exchanges[0].method} {exchanges[0].path} is answered now so, now so, without any fault: {told}"
    return ""


def choose(healthy: Iterable[Healthy]) -> list[Healthy]:
    """A few of one operation: those with success first, and of these at most one for each status."""
    most = {_SUCCESS: MOST_OF_SUCCESS, 3: MOST_OF_REFUSAL, 4: MOST_OF_REFUSAL}
    chosen: list[Healthy] = []
    # An answer that says which thing is missing tells more than one that finds the request itself wrong.
    for each in sorted(healthy, key=lambda one: (one.hundred, _by_rank(one))):
        if sum(one.hundred == each.hundred for one in chosen) < most.get(each.hundred, 0):
            chosen.append(each)
    return chosen


def _by_rank(healthy: Healthy) -> int:
    ranks = {404: 0, 409: 1, 412: 1, 410: 1}
    return ranks.get(next(iter(healthy.statuses), 0), 2) if healthy.hundred > 3 else 0  # noqa: PLR2004 -- 4xx

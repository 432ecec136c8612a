"""Verifies providers against the pacts that consumers have with them; nothing verified is never a PASS."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from harness.contracts.environment import child_environment, redact_file
from harness.contracts.judging import Case, Told, judge
from harness.contracts.pact_merge import pact_document
from harness.contracts.pacts import Interaction, Kind, Pact, read_sound_pacts
from harness.contracts.unverified import broken, no_pacts, nobody_knows, nothing_for
from harness.contracts.verifier_process import ORDERS, PRIVATE, PRIVATES, REPORTS, Order, Private, Report
from harness.model.credentials import NONE, Credentials
from harness.model.finding import Finding
from harness.model.process import ProcessSpec, Spawner

PARALLEL = 4
"""Providers that are verified at once: each waits much of its time, for states to hold and for messages to come."""
WALL_LIMIT_S = 120.0
"""How long the verification of one provider may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUnderTest:
    """A provider that runs, with its direct addresses, past every proxy."""

    name: str
    url: str
    stores: Mapping[str, str] = field(default_factory=dict)
    """Direct address of each store it uses, by the store's name."""
    owner: str


_Work: TypeAlias = tuple[ProviderUnderTest, Sequence[Pact]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How to ask again for what may be the machine's doing, not the provider's: a 503 in place of what was agreed."""

    most: int
    """How often at most; what is in doubt then is UNKNOWN."""
    doubt: Callable[[], str]
    """Why what was answered lately is no proof: what kept the machine from it; empty when it is one."""
    wait: Callable[[str], Awaitable[None]]
    """Told what is asked again and why; returns when it is worth it."""


async def verify(  # noqa: PLR0913 -- all by keyword, and each is a thing of its own
    *,
    pacts: Path,
    states: Path,
    providers: Sequence[ProviderUnderTest],
    owners: Mapping[str, str],
    spawner: Spawner,
    directory: Path,
    consumer: str | None = None,
    wall_limit_s: float = WALL_LIMIT_S,
    credentials: Credentials = NONE,
    again: Again | None = None,
) -> tuple[Finding, ...]:
    """One finding for each interaction, and an UNKNOWN for each pact and each provider with nothing verified.

    Args:
        pacts: directory of the pact files.
        states: directory of the modules `PROVIDER.py` with the provider states and messages.
        providers: those to verify. When they are chosen, that is not all that are known, each owes a verified
            interaction; among all of them there may be some that nobody has a pact with.
        owners: owner of each known service; a pact with a provider that isn't among them is UNKNOWN.
        spawner: whoever starts the verifying processes.
        directory: where orders, reports and logs are written.
        consumer: verify only what this consumer relies on; other consumers' pacts are left alone.
        wall_limit_s: how long one provider may take.
        credentials: sent along with each request; a header that an interaction itself has is replaced by it.
        again: how to ask again where the machine may be to blame; every answer is the provider's own when left out.

    A pact file that is broken, or that could not fail, is UNKNOWN at its place; the rest is verified all the same.
    """
    found, problems = await asyncio.to_thread(read_sound_pacts, pacts)
    chosen = [pact for pact in found if consumer in {None, pact.consumer}]
    plan = _Plan(
        states=states,
        owners=owners,
        directory=directory,
        wall_limit_s=wall_limit_s,
        spawner=spawner,
        credentials=credentials,
    )
    running = {provider.name: provider for provider in providers}
    known = owners.keys() | running.keys()
    findings = [broken(problem) for problem in problems]
    findings += [nobody_knows(pact, owners) for pact in chosen if pact.provider not in known]
    served: dict[str, list[Pact]] = defaultdict(list)
    for pact in chosen:
        served[pact.provider].append(pact)
    slots = asyncio.Semaphore(PARALLEL)

    async def in_its_turn(provider: ProviderUnderTest, theirs: Sequence[Pact]) -> tuple[Told, ...]:
        async with slots:
            return await _one(plan, provider, theirs)

    work = [(provider, served[provider.name]) for provider in providers if served[provider.name]]
    results = await asyncio.gather(*(in_its_turn(provider, theirs) for provider, theirs in work))
    told: Sequence[Told] = tuple(itertools.chain.from_iterable(results))
    if again is not None:
        told = await _asked_again(plan, work, told, again)
    findings += [each.finding for each in told]
    if known - running.keys():
        findings += [
            nothing_for(provider.name, provider.owner, pacts, consumer)
            for provider in providers
            if not served[provider.name]
        ]
    if not findings:
        findings.append(no_pacts(pacts, consumer))
    return tuple(findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    states: Path
    owners: Mapping[str, str]
    directory: Path
    wall_limit_s: float
    spawner: Spawner
    credentials: Credentials

    def states_of(self, provider: str) -> Path:
        return self.states / f"{provider}.py"


async def _asked_again(plan: _Plan, work: Sequence[_Work], told: Sequence[Told], again: Again) -> Sequence[Told]:
    """Those that a machine may have brought about, once more by themselves, until they are no longer in doubt."""
    for left in reversed(range(again.most + 1)):
        late = [each.late for each in told if each.late is not None]
        why = again.doubt() if late else ""
        if not why:
            break
        if not left:
            return [each.in_doubt(why) for each in told]
        await again.wait(f"{len(late)} of the answers are no proof, and are asked for again: {why}")
        anew = [await _one(plan, provider, pacts) for provider, pacts in _of(work, late)]
        told = [*(each for each in told if each.late is None), *itertools.chain.from_iterable(anew)]
    return told


def _of(work: Sequence[_Work], cases: Sequence[Case]) -> Iterator[_Work]:
    """The part of the work that these interactions are."""
    for provider, pacts in work:
        parts = [
            replace(pact, interactions=tuple(each.interaction for each in cases if each.pact.file == pact.file))
            for pact in pacts
        ]
        if any(part.interactions for part in parts):
            yield provider, [part for part in parts if part.interactions]


async def _one(plan: _Plan, provider: ProviderUnderTest, pacts: Sequence[Pact]) -> tuple[Told, ...]:
    order = _order(plan, provider, pacts)
    log = plan.directory / f"verify-{provider.name}.log"
    trouble = await _run(plan, provider, order, log)
    report = Report(trouble=trouble) if trouble else REPORTS.validate_json(order.report.read_bytes())
    cases = [
        Case(
            provider=provider.name,
            owner=provider.owner,
            states=plan.states_of(provider.name),
            pact=pact,
            interaction=interaction,
            tls=plan.credentials.ca is not None,
        )
        for pact in pacts
        for interaction in sorted(pact.interactions, key=lambda each: each.identity)
    ]
    return tuple(judge(cases, report, log))


def _order(plan: _Plan, provider: ProviderUnderTest, pacts: Sequence[Pact]) -> Order:
    """Each pact is split by kind into files of our own, so that no filter of Pact's can hit nothing."""
    plan.directory.mkdir(parents=True, exist_ok=True)
    files: dict[Kind, list[Path]] = {Kind.HTTP: [], Kind.MESSAGE: []}
    for pact, kind in itertools.product(pacts, Kind):
        chosen = [each for each in pact.interactions if each.kind is kind]
        if chosen:
            file = plan.directory / f"{pact.file.stem}.{kind}.json"
            file.write_text(json.dumps(_split(pact, kind, chosen)), encoding="utf-8")
            files[kind].append(file)
    order = Order(
        provider=provider.name,
        url=provider.url,
        stores=dict(provider.stores),
        states=plan.states_of(provider.name).absolute(),
        http=tuple(files[Kind.HTTP]),
        messages=tuple(files[Kind.MESSAGE]),
        report=plan.directory / f"verify-{provider.name}.report.json",
        stateless=not any(interaction.states for pact in pacts for interaction in pact.interactions),
    )
    order.report.unlink(missing_ok=True)
    return order


def _split(pact: Pact, kind: Kind, chosen: Sequence[Interaction]) -> Mapping[str, object]:
    whole = pact_document(pact.consumer, pact.provider, chosen)
    if pact.specification.startswith("4"):
        return whole
    group = "messages" if kind is Kind.MESSAGE else "interactions"
    rest = {key: whole[key] for key in ("consumer", "provider")}
    version = {"metadata": {"pactSpecification": {"version": pact.specification}}}
    return {**rest, **version, group: [each.document for each in chosen]}


async def _run(plan: _Plan, provider: ProviderUnderTest, order: Order, log: Path) -> str:
    """Why there is no report; empty when there is one."""
    request = plan.directory / f"verify-{provider.name}.order.json"
    request.write_bytes(ORDERS.dump_json(order))
    private = Private(headers=dict(plan.credentials.sent), secrets=dict(plan.credentials.secrets))
    spec = ProcessSpec(
        name=f"verify-{provider.name}",
        command=(sys.executable, "-m", "harness.contracts.verifier_process", str(request)),
        log=str(log),
        env=child_environment(plan.credentials.ca)
        | {"PACT_DO_NOT_TRACK": "true", PRIVATE: PRIVATES.dump_json(private).decode()},
    )
    process = await plan.spawner.spawn(spec)
    try:
        code = await asyncio.wait_for(process.wait(), plan.wall_limit_s)
    except TimeoutError:
        return f"the verification was not done after {plan.wall_limit_s:g} s"
    finally:
        if process.returncode is None:
            await process.stop(grace_s=0.5)
        for file in (log, request, order.report):
            await asyncio.to_thread(redact_file, file, plan.credentials.redact)
    return "" if order.report.exists() else f"the verifying process ended with {code} and without a report"

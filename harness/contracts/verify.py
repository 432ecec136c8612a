"""Verifies providers against the pacts that consumers have with them; nothing verified is never a PASS."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.contracts.environment import child_environment, redact_file, tail
from harness.contracts.pact_merge import pact_document
from harness.contracts.pacts import Interaction, Kind, Pact, read_sound_pacts
from harness.contracts.states import Refusal, Trouble
from harness.contracts.unverified import CHECK, broken, no_pacts, nobody_knows, nothing_for
from harness.contracts.verifier_process import ORDERS, PRIVATE, PRIVATES, REPORTS, Order, Private, Report, Verified
from harness.model.credentials import NONE, Credentials
from harness.model.finding import Finding, Part
from harness.model.process import ProcessSpec, Spawner
from harness.model.system import edge_name
from harness.model.verdict import Verdict

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
    work = [(provider, served[provider.name]) for provider in providers if served[provider.name]]
    results = await asyncio.gather(*(_one(plan, provider, theirs, slots) for provider, theirs in work))
    findings += itertools.chain.from_iterable(results)
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


async def _one(
    plan: _Plan, provider: ProviderUnderTest, pacts: Sequence[Pact], slots: asyncio.Semaphore
) -> tuple[Finding, ...]:
    async with slots:
        order = _order(plan, provider, pacts)
        log = plan.directory / f"verify-{provider.name}.log"
        trouble = await _run(plan, provider, order, log)
    report = Report(trouble=trouble) if trouble else REPORTS.validate_json(order.report.read_bytes())
    return tuple(_judge(plan, provider, pacts, report, log))


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


def _judge(
    plan: _Plan, provider: ProviderUnderTest, pacts: Sequence[Pact], report: Report, log: Path
) -> Iterator[Finding]:
    """Compare what was verified with what the files hold; an interaction that nobody speaks of is UNKNOWN."""
    spoken: dict[tuple[str, str, tuple[str, ...]], list[Verified]] = defaultdict(list)
    for verified in report.verified:
        spoken[verified.consumer, verified.description, verified.states].append(verified)
    for pact in pacts:
        for interaction in sorted(pact.interactions, key=lambda each: each.identity):
            names = tuple(state.name for state in interaction.states)
            answers = spoken[pact.consumer, interaction.description, names]
            case = _Case(plan=plan, provider=provider, pact=pact, interaction=interaction)
            yield case.unspoken(report, log) if not answers else case.judged(answers.pop(0), report)
    extra = [verified for left in spoken.values() for verified in left]
    for verified in extra:
        yield Finding(
            check=CHECK,
            part=Part.PACTS,
            verdict=Verdict.UNKNOWN,
            reason="Pact verified an interaction that no pact file holds: its counts can't be trusted",
            subject=f"{verified.consumer} → {verified.provider}: {verified.description}",
            service=provider.name,
            owner=provider.owner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    plan: _Plan
    provider: ProviderUnderTest
    pact: Pact
    interaction: Interaction

    def judged(self, verified: Verified, report: Report) -> Finding:
        refused = [each for each in report.refusals if self._concerns(each)]
        missing = self._not_injected(report)
        if refused:
            return self._unknown_state(refused[0])
        if verified.error:
            return self._finding(
                Verdict.UNKNOWN, f"nothing was compared: {verified.error}", (f"agreed at {self.interaction.place}",)
            )
        if missing:
            states = self.plan.states_of(self.provider.name)
            reason = f"{states} gives no value for {', '.join(missing)}: the example in the pact was sent instead"
            return self._finding(Verdict.UNKNOWN, reason, ())
        if not verified.held:
            lines = [str(mismatch) for mismatch in verified.mismatches]
            reason = f"{self.provider.name} breaks what {self.pact.consumer} relies on: {lines[0] if lines else '?'}"
            more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
            return self._finding(Verdict.FAIL, reason + more, (*lines, f"agreed at {self.interaction.place}"))
        return self._finding(Verdict.PASS, f"{self.provider.name} answers as {self.pact.consumer} relies on", ())

    def unspoken(self, report: Report, log: Path) -> Finding:
        reason = report.trouble or "Pact verified nothing for it"
        return self._finding(Verdict.UNKNOWN, reason, (*report.core_said, *tail(log), f"log: {log}"))

    def _unknown_state(self, refusal: Refusal) -> Finding:
        message = self.interaction.kind is Kind.MESSAGE and refusal.what == self.interaction.description
        kind = "message" if message else "provider state"
        states = self.plan.states_of(self.provider.name)
        wanting = f"add it to {'MESSAGES' if message else 'STATES'} in {states}"
        remedy = wanting if refusal.trouble is Trouble.UNKNOWN else f"see {states}"
        reason = f"the {kind} {refusal.what!r} can't be had, so nothing was verified: {remedy}"
        return self._finding(Verdict.UNKNOWN, reason, (refusal.message, f"agreed at {self.interaction.place}"))

    def _concerns(self, refusal: Refusal) -> bool:
        if self.interaction.kind is Kind.MESSAGE and refusal.what == self.interaction.description:
            return True
        return any((refusal.what, refusal.params) == (state.name, state.params) for state in self.interaction.states)

    def _not_injected(self, report: Report) -> list[str]:
        had: set[str] = set()
        for state in self.interaction.states:
            had |= set(state.params)
            for given in report.given:
                if (given.name, given.params) == (state.name, state.params):
                    had |= set(given.values)
        return [name for name in self.interaction.injected if name.split(".")[0] not in had]

    def _finding(self, verdict: Verdict, reason: str, evidence: Iterable[str]) -> Finding:
        replay = f"harness verify --provider {self.provider.name} --consumer {self.pact.consumer}"
        replay += "" if self.plan.credentials.ca is None else " --tls"
        return Finding(
            check=CHECK,
            part=Part.PACTS,
            verdict=verdict,
            reason=reason,
            subject=f"{self.pact.consumer} → {self.pact.provider}: {self.interaction.label}",
            edge=edge_name(self.pact.consumer, self.pact.provider),
            service=self.provider.name,
            owner=self.provider.owner,
            evidence=tuple(evidence),
            replay=replay if verdict is not Verdict.PASS else "",
        )

"""Can this version go there? Asked of a ledger, in both directions: as a consumer and as a provider."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.contracts.ledger.answer import Answer, Pair, Troubled
from harness.contracts.ledger.content import Named, named_in
from harness.contracts.ledger.entries import Outcome
from harness.contracts.ledger.facts import Facts, facts_of
from harness.contracts.ledger.store import Ledger
from harness.model.verdict import Verdict, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    service: str
    version: str
    environment: str
    what_if: Mapping[str, str] = field(default_factory=dict)
    """Services with the version that is to be thought of in the environment instead of what is there."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """As the description tells; for others the ledger's word is taken."""
    pacts: frozenset[tuple[str, str]] = frozenset()
    """Consumer and provider of the pacts that are checked out: who has one there owes the ledger its own."""
    place: str = "contracts/ledger"
    """How the ledger is named in commands."""


def can_i_deploy(ledger: Ledger, question: Question) -> Answer:
    """The answer of all that counts in the ledger; without evidence it is unknown, never yes."""
    asked = _Asked(ledger=ledger, facts=facts_of(ledger), question=question)
    there = asked.facts.places.get(question.environment)
    pairs = (*asked.as_consumer(), *asked.as_provider())
    doubts = []
    if there is None:
        known = ", ".join(sorted(asked.facts.places)) or "none"
        doubts.append(
            f"the ledger knows no environment {question.environment!r} (known: {known}), so nobody can tell what is "
            f"there: harness record-deployment SERVICE VERSION --to {shlex.quote(question.environment)}"
        )
    doubts += [
        f"--what-if {service}={version}: the ledger knows nothing of that version"
        for service, version in question.what_if.items()
        if not asked.known(service, version)
    ]
    if not pairs and not asked.known(question.service, question.version):
        doubts.append(
            f"the ledger knows nothing of {question.service} {question.version}: "
            f"{asked.publish(question.service, question.version)}, and verify it as a provider"
        )
    notes = [] if pairs or doubts else [f"nothing in {question.environment} relies on it, and it relies on nobody"]
    return Answer(
        service=question.service,
        version=question.version,
        environment=question.environment,
        pairs=pairs,
        doubts=tuple(doubts),
        notes=tuple(notes),
        problems=ledger.problems,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    ledger: Ledger
    facts: Facts
    question: Question

    def there(self) -> dict[str, Sequence[str]]:
        """The versions of the others in the environment, as they would be."""
        found = dict(self.facts.places.get(self.question.environment, {}))
        found |= {service: (version,) for service, version in self.question.what_if.items()}
        found.pop(self.question.service, None)
        return found

    def known(self, service: str, version: str) -> bool:
        published = (service, version) in self.facts.publications
        return published or self.facts.compared(self.ledger, service, version)

    def relies(self, consumer: str, provider: str | None = None) -> bool:
        """Whether it is known to have pacts, at whatever version."""
        here = any(each == consumer and provider in {None, other} for each, other in self.question.pacts)
        return here or self.facts.ever_relied(consumer, provider)

    def as_consumer(self) -> Iterator[Pair]:
        service, version, there = self.question.service, self.question.version, self.there()
        if (service, version) not in self.facts.publications:
            if self.relies(service):
                yield self.unpublished(service, version, provider="its providers", provider_version="")
            return
        for provider, content in self.facts.relied(service, version):
            if provider == service:
                yield self.judged(service, version, provider, version, content)
                continue
            for other in there.get(provider, ()):
                yield self.judged(service, version, provider, other, content)
            if not there.get(provider):
                yield self.absent(service, version, provider, content)

    def as_provider(self) -> Iterator[Pair]:
        service, version = self.question.service, self.question.version
        for consumer, versions in sorted(self.there().items()):
            for other in versions:
                if (consumer, other) not in self.facts.publications:
                    if self.relies(consumer, service):
                        yield self.unpublished(consumer, other, provider=service, provider_version=version)
                    continue
                for provider, content in self.facts.relied(consumer, other):
                    if provider == service:
                        yield self.judged(consumer, other, service, version, content)

    def judged(self, consumer: str, consumer_version: str, provider: str, version: str, content: str) -> Pair:
        """What was verified of that content with that version of the provider, and nothing else."""
        document = self.ledger.contents.get(content)
        names = () if document is None else named_in(document)
        if not names:
            return self.lost(consumer, consumer_version, provider, version)
        outcomes = self.facts.outcomes.get((content, version), {})
        each = tuple(_troubled(name, outcomes.get(name.key)) for name in names)
        verdict = worst(one.verdict for one in each)
        return Pair(
            consumer=consumer,
            consumer_version=consumer_version,
            provider=provider,
            provider_version=version,
            content=content,
            verdict=verdict,
            reason=self.told(verdict, each, content, provider, version),
            interactions=tuple(one for one in each if one.verdict is not Verdict.PASS) if outcomes else (),
            owner=self.owner(provider),
            settle="" if verdict is Verdict.PASS else self.verify(consumer, consumer_version, provider, version),
            fillable=verdict is Verdict.UNKNOWN,
        )

    def lost(self, consumer: str, version: str, provider: str, provider_version: str) -> Pair:
        """The ledger knows that there is a pact, and not what stands in it."""
        return Pair(
            consumer=consumer,
            consumer_version=version,
            provider=provider,
            provider_version=provider_version,
            verdict=Verdict.UNKNOWN,
            reason=f"the ledger has lost what {consumer} {version} relies on: publish it again",
            owner=self.owner(consumer),
            settle=self.publish(consumer, version),
        )

    def told(self, verdict: Verdict, troubled: Sequence[Troubled], content: str, provider: str, version: str) -> str:
        """Why, in one sentence."""
        count, total = sum(each.verdict is verdict for each in troubled), len(troubled)
        if verdict is Verdict.PASS:
            return f"all {_interactions(total)} verified"
        if verdict is Verdict.FAIL:
            return f"{count} of {_interactions(total)} failed"
        if count < total:
            return f"{count} of {_interactions(total)} never verified"
        others = ", ".join(self.facts.versions_that_verified(content))
        also = f"; the same pact was verified with {provider} {others}" if others else ""
        if not others and self.facts.compared(self.ledger, provider, version):
            also = f"; {provider} {version} was verified against other pacts only"
        return f"{provider} {version} was never verified against this pact ({_interactions(total)}){also}"

    def unpublished(self, consumer: str, version: str, *, provider: str, provider_version: str) -> Pair:
        """Nobody knows what a version of a consumer relies on."""
        return Pair(
            consumer=consumer,
            consumer_version=version,
            provider=provider,
            provider_version=provider_version,
            verdict=Verdict.UNKNOWN,
            reason=f"{consumer} {version} has not published its pacts, so nobody knows what it relies on",
            owner=self.owner(consumer),
            settle=self.publish(consumer, version),
        )

    def absent(self, consumer: str, version: str, provider: str, content: str) -> Pair:
        """There is no version of the provider in the environment."""
        place = self.question.environment
        return Pair(
            consumer=consumer,
            consumer_version=version,
            provider=provider,
            provider_version="",
            content=content,
            verdict=Verdict.UNKNOWN,
            reason=f"no version of {provider} is in {place}, and {consumer} relies on it",
            owner=self.owner(provider),
            settle=f"harness record-deployment {provider} VERSION --to {shlex.quote(place)} {self.where()}",
        )

    def owner(self, service: str) -> str:
        return self.question.owners.get(service) or self.facts.owners.get(service, "")

    def where(self) -> str:
        return f"--ledger {shlex.quote(self.question.place)}"

    def publish(self, consumer: str, version: str) -> str:
        return f"harness publish {shlex.quote(version)} --consumer {shlex.quote(consumer)} {self.where()}"

    def verify(self, consumer: str, consumer_version: str, provider: str, version: str) -> str:
        words: Iterable[str] = ("harness", "verify", "--provider", provider, "--version", version)
        return f"{shlex.join(words)} --pacts-of {shlex.quote(f'{consumer}={consumer_version}')} {self.where()}"


def _troubled(name: Named, outcome: Outcome | None) -> Troubled:
    if outcome is None:
        return Troubled(label=name.label, verdict=Verdict.UNKNOWN, reason="not verified")
    return Troubled(label=name.label, verdict=outcome.verdict, reason=outcome.reason)


def _interactions(count: int) -> str:
    return f"{count} interaction" if count == 1 else f"{count} interactions"

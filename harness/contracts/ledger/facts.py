"""What the entries of a ledger amount to: who relies on what, what was verified, and what is where."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.contracts.ledger.entries import Outcome, Placed, Published, Verified
from harness.contracts.ledger.store import Ledger
from harness.model.verdict import Verdict

_COMPARED = (Verdict.PASS, Verdict.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Built by `facts_of`."""

    publications: Mapping[tuple[str, str], Sequence[Published]]
    """By consumer and version; more than one where branches disagree, and then all must hold."""
    outcomes: Mapping[tuple[str, str], Mapping[str, Outcome]]
    """By content and version of the provider: the last that was compared, by the key of the interaction."""
    places: Mapping[str, Mapping[str, Sequence[str]]]
    """By environment and service: the versions that are there."""
    owners: Mapping[str, str]
    branches: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def relied(self, consumer: str, version: str) -> tuple[tuple[str, str], ...]:
        """Provider and content of each pact of that version."""
        found = [(pact.provider, pact.content) for each in self.publications.get((consumer, version), ())
                 for pact in each.pacts]  # fmt: skip
        return tuple(dict.fromkeys(found))

    def ever_relied(self, consumer: str, provider: str | None = None) -> bool:
        """Whether any version of the consumer has a pact, be it with that provider or with any."""
        return any(
            name == consumer and any(provider in {None, pact.provider} for pact in each.pacts)
            for (name, _), published in self.publications.items()
            for each in published
        )

    def versions_that_verified(self, content: str) -> tuple[str, ...]:
        """Versions of the provider that were compared with that content."""
        return tuple(version for known, version in self.outcomes if known == content)

    def compared(self, ledger: Ledger, provider: str, version: str) -> bool:
        """Whether any interaction was ever compared with that version of the provider."""
        return any(
            isinstance(each, Verified)
            and (each.provider, each.version) == (provider, version)
            and any(outcome.verdict in _COMPARED for outcome in each.outcomes)
            for each in ledger.entries
        )


def facts_of(ledger: Ledger) -> Facts:
    """Read the entries in the order in which they came."""
    publications: dict[tuple[str, str], list[Published]] = defaultdict(list)
    outcomes: dict[tuple[str, str], dict[str, tuple[dt.datetime, Outcome]]] = defaultdict(dict)
    places: dict[str, _Place] = defaultdict(_Place)
    owners: dict[str, str] = {}
    for entry in ledger.entries:
        match entry:
            case Published():
                publications[entry.consumer, entry.version].append(entry)
                owners |= {entry.consumer: entry.owner} if entry.owner else {}
            case Verified():
                _take(outcomes[entry.content, entry.version], entry)
                owners |= {entry.provider: entry.owner} if entry.owner else {}
            case Placed():
                places[entry.environment].take(entry)
    return Facts(
        publications=publications,
        outcomes={pair: {key: each for key, (_, each) in known.items()} for pair, known in outcomes.items() if known},
        places={environment: place.versions() for environment, place in places.items()},
        owners=owners,
    )


def _take(known: dict[str, tuple[dt.datetime, Outcome]], entry: Verified) -> None:
    for outcome in entry.outcomes:
        before = known.get(outcome.interaction)
        if outcome.verdict not in _COMPARED:
            continue  # nothing was measured, so what was measured before still stands
        if before and before[0] == entry.at and before[1].verdict is Verdict.FAIL:
            continue  # of two at one moment the worse counts
        known[outcome.interaction] = (entry.at, outcome)


class _Place:
    def __init__(self) -> None:
        self._deployed: dict[str, str] = {}
        self._released: dict[str, dict[str, None]] = defaultdict(dict)

    def take(self, entry: Placed) -> None:
        match entry.entry:
            case "deployed":
                self._deployed[entry.service] = entry.version
            case "undeployed":
                if self._deployed.get(entry.service) == entry.version:
                    del self._deployed[entry.service]
            case "released":
                self._released[entry.service][entry.version] = None
            case "unreleased":
                self._released[entry.service].pop(entry.version, None)

    def versions(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {service: {version: None} for service, version in self._deployed.items()}
        for service, released in self._released.items():
            found.setdefault(service, {}).update(released)
        return {service: tuple(versions) for service, versions in found.items() if versions}

"""What an audit looks at, made ready for all of its questions, and how it words what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.checkers.audit_traces import Traced
from harness.checkers.edges_seen import EdgeSeen
from harness.model.audit import Answer, AuditEvidence, Sign, Told, Trait
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import Topology

SHOWN = 5
RUN_IT = "nothing was run; without --declared, `harness audit` runs the journeys"
NO_SPANS = "no service sends spans: give them {otlp.url} (docs/system.md)"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The evidence, and what is made of it once for all traits."""

    evidence: AuditEvidence
    traced: Traced
    spanned: tuple[EdgeSeen, ...]

    @property
    def topology(self) -> Topology:
        """The system."""
        return self.evidence.topology

    @property
    def undeclared(self) -> tuple[tuple[str, str], ...]:
        """Edges between parts of the system that were seen, and that nobody declared."""
        past = [(each.consumer, each.provider) for each in self.evidence.seen.past if each.provider]
        spans = [(each.consumer, each.provider) for each in self.spanned]
        return tuple(ends for ends in dict.fromkeys([*spans, *past]) if edge_name(*ends) not in self.topology.edges)

    @property
    def users(self) -> dict[str, tuple[str, ...]]:
        """The services that use each service or store, as declared or seen."""
        found: dict[str, list[str]] = {}
        for consumer, provider in (*self._declared, *self.undeclared):
            if consumer != CUSTOMERS:
                found.setdefault(provider, []).append(consumer)
        return {provider: tuple(names) for provider, names in found.items()}

    @property
    def _declared(self) -> tuple[tuple[str, str], ...]:
        return tuple((each.consumer, each.provider) for each in self.topology.edges.values())

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """All edges between services, declared or seen."""
        services = self.topology.system.services
        return tuple(
            ends for ends in (*self._declared, *self.undeclared) if ends[0] in services and ends[1] in services
        )

    def lacking(self) -> list[str]:
        """What no answer has when nothing was run, or nobody's sockets were looked at."""
        seen = self.evidence.seen
        if not self.evidence.ran:
            return [RUN_IT]
        found = [] if seen.watched else ["nobody's sockets were looked at, so calls past the proxies may be missing"]
        found += [f"the sockets of {', '.join(seen.blind)} can't be seen"] if seen.blind else []
        bad = Counter(visit.journey for visit in seen.visits if visit.failed)
        why = {visit.journey: visit.failed for visit in seen.visits}
        found += [
            f"{count} visits of {name} failed ({why[name]}): what they would have called was not seen"
            for name, count in bad.items()
        ]
        return found


def told(trait: Trait, signs: Iterable[Sign], looked_at: str, lacking: Sequence[str]) -> Told:
    """The answer: nothing is absent while something is lacking that would have shown it."""
    found = tuple(signs)
    answer = Answer.FOUND if found else Answer.UNKNOWN if lacking else Answer.NONE
    return Told(trait=trait, answer=answer, signs=found, looked_at=looked_at, lacking=tuple(lacking))


def sign_of(  # noqa: PLR0913 -- what is told of one
    trait: Trait,
    subject: str,
    reason: str,
    topology: Topology,
    *,
    whose: Iterable[str],
    evidence: Sequence[str],
    declared: bool = False,
) -> Sign:
    """A sign, with the owners of those whose doing it is."""
    return Sign(
        trait=trait,
        subject=subject,
        reason=reason,
        owners=_owners(topology, whose),
        evidence=tuple(evidence),
        basis="declared" if declared else "seen",
    )


def _owners(topology: Topology, names: Iterable[str]) -> tuple[str, ...]:
    known = {*topology.system.services, *topology.system.stores}
    return tuple(dict.fromkeys(topology.owner(name) for name in names if name in known))


def in_a_row(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(names) if len(names) <= len("ab") else f"{', '.join(names[:-1])} and {names[-1]}"

"""An answer to `can-i-deploy` that explains itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import Problem
from harness.model.verdict import Verdict, worst

WORDS = {Verdict.PASS: "yes", Verdict.FAIL: "no", Verdict.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubled:
    """An interaction that does not hold, or was not verified."""

    label: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A version of a consumer with a version of its provider; a version is empty where none is known."""

    consumer: str
    consumer_version: str
    provider: str
    provider_version: str
    content: str = ""
    """The digest of what the consumer relies on."""
    source: str = ""
    """Where a broker keeps that."""
    verdict: Verdict
    reason: str
    interactions: tuple[Troubled, ...] = ()
    """Those that are to blame."""
    owner: str = ""
    """Who can settle it."""
    settle: str = ""
    """The command that would settle it."""
    fillable: bool = False
    """Whether a verification is what is missing."""

    @property
    def label(self) -> str:
        """`gateway 1.4 → catalog 2.0`."""
        consumer = f"{self.consumer} {self.consumer_version}".rstrip()
        return f"{consumer} → {self.provider} {self.provider_version}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether a version of a service can go to an environment."""

    service: str
    version: str
    environment: str
    pairs: tuple[Pair, ...] = ()
    doubts: tuple[str, ...] = ()
    """Why the answer is unknown although no pair is to blame."""
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What of the ledger could not be read: no answer is yes with any of these."""

    @property
    def verdict(self) -> Verdict:
        """Yes only when every pair holds, nothing is in doubt, and all could be read."""
        doubtful = [Verdict.UNKNOWN] if self.doubts or self.problems else []
        return worst([*doubtful, *(pair.verdict for pair in self.pairs)] or [Verdict.PASS])

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {
            "service": self.service,
            "version": self.version,
            "environment": self.environment,
            "deployable": {Verdict.PASS: True, Verdict.FAIL: False, Verdict.UNKNOWN: None}[self.verdict],
            "verdict": self.verdict.value,
            "pairs": [_pair_document(pair) for pair in self.pairs],
            "doubts": list(self.doubts),
            "notes": list(self.notes),
            "problems": [str(problem) for problem in self.problems],
        }

    def lines(self) -> Iterator[str]:
        """For the terminal; what is to blame first."""
        yield f"{self.service} {self.version} to {self.environment}: {WORDS[self.verdict]}"
        order = {Verdict.FAIL: 0, Verdict.UNKNOWN: 1, Verdict.PASS: 2}
        for pair in sorted(self.pairs, key=lambda each: (order[each.verdict], each.label)):
            yield f"  {pair.verdict:7} {pair.label}: {pair.reason}"
            for each in pair.interactions:
                told = f": {each.reason}" if each.reason else ""
                yield f"            {each.verdict:7} {each.label}{told}"
            if pair.verdict is not Verdict.PASS:
                yield f"            owner: {pair.owner or 'unknown'}"
                if pair.settle:
                    yield f"            settle: {pair.settle}"
        for doubt in self.doubts:
            yield f"  UNKNOWN {doubt}"
        for problem in self.problems:
            yield f"  UNKNOWN {problem}"
        for note in self.notes:
            yield f"  note: {note}"


def _pair_document(pair: Pair) -> dict[str, object]:
    return {
        "consumer": pair.consumer,
        "consumerVersion": pair.consumer_version or None,
        "provider": pair.provider,
        "providerVersion": pair.provider_version or None,
        "content": pair.content or None,
        "verdict": pair.verdict.value,
        "reason": pair.reason,
        "interactions": [
            {"label": each.label, "verdict": each.verdict.value, "reason": each.reason} for each in pair.interactions
        ],
        "owner": pair.owner,
        "settle": pair.settle,
    }

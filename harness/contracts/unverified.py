"""Findings for what was not verified: each is UNKNOWN, since nothing was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.contracts.pacts import Pact
from harness.errors import Problem
from harness.model.finding import Finding, Part
from harness.model.system import edge_name
from harness.model.verdict import Verdict

CHECK = "pact"


def broken(problem: Problem) -> Finding:
    """A pact file that can't be read, or that could not fail."""
    return Finding(
        check=CHECK,
        part=Part.PACTS,
        verdict=Verdict.UNKNOWN,
        reason=f"{problem.message}: {problem.remedy}" if problem.remedy else problem.message,
        subject=str(problem.place),
    )


def nobody_knows(pact: Pact, owners: Mapping[str, str]) -> Finding:
    """A pact for a provider that isn't among the services."""
    count = len(pact.interactions)
    return Finding(
        check=CHECK,
        part=Part.PACTS,
        verdict=Verdict.UNKNOWN,
        reason=f"nobody knows a service {pact.provider!r}, so none of {count} interactions was verified: "
        f"correct the provider's name in {pact.file}",
        subject=f"{pact.consumer} → {pact.provider}",
        edge=edge_name(pact.consumer, pact.provider),
        service=pact.consumer,
        owner=owners.get(pact.consumer, ""),
    )


def nothing_for(provider: str, owner: str, pacts: Path, consumer: str | None) -> Finding:
    """A provider that was asked for, and that nobody has a pact with."""
    who = f"of consumer {consumer!r} " if consumer else ""
    return Finding(
        check=CHECK,
        part=Part.PACTS,
        verdict=Verdict.UNKNOWN,
        reason=f"no pact {who}in {pacts} has {provider} as its provider: nothing was verified",
        subject=provider,
        service=provider,
        owner=owner,
    )


def no_pacts(pacts: Path, consumer: str | None) -> Finding:
    """There is nothing at all to verify."""
    who = f" of consumer {consumer!r}" if consumer else ""
    return Finding(
        check=CHECK,
        part=Part.PACTS,
        verdict=Verdict.UNKNOWN,
        reason=f"no pact{who} in {pacts}: nothing was verified",
        subject=consumer or "pacts",
    )

"""A comparison in words, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.contracts.compare.mismatch import ComparedInteraction
from harness.contracts.compare.whole import ComparedPact, Comparison
from harness.model.verdict import Verdict

Owner = Callable[[str], str]
"""Who owns a service; empty when nobody says."""


def tell(comparison: Comparison, owner: Owner, *, warnings: bool) -> Iterator[str]:
    """Line by line: what does not fit with whose it is, then the sums."""
    for pact in comparison.pacts:
        yield from _pact(pact, owner, warnings=warnings)
    for problem in comparison.problems:
        yield f"error: {problem}"
    yield _sum(comparison)


def _pact(pact: ComparedPact, owner: Owner, *, warnings: bool) -> Iterator[str]:
    shown = [line for each in pact.interactions for line in _interaction(each, warnings=warnings)]
    if not shown:
        return
    yield f"{pact.verdict:7} {pact.consumer} -> {pact.provider}: against {pact.document}"
    if pact.verdict is not Verdict.PASS:
        owners = [f"{name} is owned by {owner(name) or 'nobody known'}" for name in (pact.consumer, pact.provider)]
        yield "  " + ", ".join(owners)
    yield from shown


def _interaction(each: ComparedInteraction, *, warnings: bool) -> Iterator[str]:
    shown = each.mismatches if warnings else each.errors
    if not shown and not each.unjudged:
        return
    yield f"  {each.place}: {each.label}" + (f" [{each.operation}]" if each.operation else "")
    if each.unjudged:
        yield f"    unknown: {each.unjudged}"
    for mismatch in shown:
        yield f"    {mismatch.severity}: {mismatch}"


def _sum(comparison: Comparison) -> str:
    interactions = [each for pact in comparison.pacts for each in pact.interactions]
    wrong = sum(bool(each.errors) for each in interactions)
    unknown = sum(bool(each.unjudged) for each in interactions)
    warned = sum(len(each.warnings) for each in interactions)
    if not interactions:
        return "nothing was compared"
    return (
        f"{len(interactions)} interactions of {len(comparison.pacts)} pacts compared: "
        f"{wrong} do not fit, {unknown} could not be judged, {warned} warnings"
    )

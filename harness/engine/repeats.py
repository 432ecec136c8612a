"""Whether an experiment that was run several times came to one verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict


def disagreements(verdicts: Mapping[str, Sequence[Verdict]], replay: str) -> tuple[Finding, ...]:
    """A finding for each experiment that was run more than once; verdicts that differ make it UNKNOWN."""
    return tuple(_told(name, each, replay) for name, each in verdicts.items() if len(each) > 1)


def _told(name: str, verdicts: Sequence[Verdict], replay: str) -> Finding:
    counted = Counter(verdicts)
    agreed = len(counted) == 1
    shares = ", ".join(f"{counted[each]} {each}" for each in Verdict if counted[each])
    words = "all repeats agree" if agreed else "flaky: the repeats disagree"
    return Finding(
        check="repeats",
        part=Part.RESILIENCE,
        verdict=Verdict.PASS if agreed else Verdict.UNKNOWN,
        reason=f"{words}, {shares} of {len(verdicts)} (in order: {' '.join(verdicts)})",
        subject=name,
        replay=f"{replay} --repeat {len(verdicts)} {name}",
    )

"""How checkers word what they found."""

from __future__ import annotations

from collections.abc import Iterable

from harness.checkers.blame import NOBODY, Blame
from harness.model.figures import Histogram, percentile_s
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.observation import AnswerClass, DistinctAnswer
from harness.model.quantity import Duration
from harness.model.verdict import Verdict

EVIDENCE_LIMIT = 10
"""Lines of evidence that a finding carries at most, beside those that say whose fault it is."""

_BODY_HEAD = 120
"""Characters of a body that are shown."""


def finding(  # noqa: PLR0913 -- one keyword for each part of a finding
    history: History,
    *,
    check: str,
    verdict: Verdict,
    reason: str,
    subject: str,
    part: Part = Part.RESILIENCE,
    blame: Blame = NOBODY,
    evidence: Iterable[str] = (),
) -> Finding:
    """A finding of this experiment, with the command that repeats it (or would settle it)."""
    return Finding(
        check=check,
        part=part,
        verdict=verdict,
        reason=reason,
        subject=subject,
        experiment=history.experiment.name,
        edge=blame.edge,
        service=blame.service,
        owner=blame.owner,
        inferred=blame.inferred,
        evidence=(*tuple(evidence)[:EVIDENCE_LIMIT], *(blame.lines if verdict is Verdict.FAIL else ())),
        replay=history.replay,
    )


def percent(share: float) -> str:
    """A share in per cent, `18.7 %`."""
    return f"{share * 100:.3g} %"


def points(share: float) -> str:
    """A difference between shares, `5 points`."""
    return f"{share * 100:.3g} points"


def counted(bad: int, n: int, bad0: int, n0: int) -> str:
    """`n = 212, 0 bad; baseline 1 of 400`."""
    return f"n = {n}, {bad} bad; baseline {bad0} of {n0}"


def settling(samples: int | None, n: int) -> str:
    """What would turn an UNKNOWN into an answer."""
    if samples is None:
        return "too near to the limit to be settled by more samples"
    return f"{max(samples, n + 1)} samples would settle it"


def told_percentile(histogram: Histogram, percentile: float) -> str:
    """`p99 350 ms`, or that there is none."""
    found = percentile_s(histogram, percentile)
    return f"p{percentile:g} {Duration(found) if found is not None else 'unknown'}"


def described(answer: DistinctAnswer) -> str:
    """One kind of answer in a line: `12 times GET /products/A-1 → 500 Internal Server Error`."""
    got = f"{answer.status}" if answer.status else "no answer"
    body = " ".join(answer.body.split())[:_BODY_HEAD]
    rest = " ".join(part for part in (answer.error, body) if part)
    return f"{answer.count} times {answer.method} {answer.path} → {got} ({answer.answer.value}) {rest}".rstrip()


def answers_of(history: History, journey: str, *classes: AnswerClass) -> tuple[str, ...]:
    """The distinct answers of a journey that are of these classes, the most frequent first."""
    found = [each for each in history.distinct if each.journey == journey and each.answer in classes]
    return tuple(described(each) for each in sorted(found, key=lambda each: -each.count))
